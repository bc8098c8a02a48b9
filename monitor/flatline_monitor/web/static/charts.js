// The curves of a run, drawn by uPlot, with the run's alerts as bands behind them.
/* global uPlot */
import { SPECS, drawn, measured, padded, shown, stepsOf } from "/static/lines.js";

const HEIGHT = 190;
const FAINT = 0.45;

/** All curves of a page; they share their steps and their cursor. */
export class Curves {
  constructor(root) {
    this.charts = [...root.querySelectorAll("figure")].map(
      (figure) => new Chart(figure, SPECS[figure.id.replace("chart-", "")]),
    );
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of this.charts) chart.rebuild();
    });
    new ResizeObserver(() => {
      for (const chart of this.charts) chart.fit();
    }).observe(root);
  }

  show(history) {
    const steps = stepsOf(history);
    for (const chart of this.charts) chart.show(drawn(history, steps, chart.spec));
  }
}

class Chart {
  constructor(figure, spec) {
    this.spec = spec;
    this.place = figure.querySelector(".plot");
    this.key = figure.querySelector("figcaption").appendChild(document.createElement("span"));
    this.plot = null; // uPlot's, while there is something to draw
    this.now = null; // what is drawn
  }

  show(now) {
    const before = this.now;
    this.now = now;
    if (this.plot && form(now) === form(before)) this.renew(before);
    else this.rebuild();
    this.explain();
  }

  // A part of the run that somebody has zoomed into stays where it is.
  renew(before) {
    const { min, max } = this.plot.scales.x;
    const isWhole = min <= before.data[0][0] && max >= before.data[0].at(-1);
    this.plot.batch(() => {
      this.plot.setData(this.now.data, isWhole);
      if (!isWhole) this.plot.setScale("x", { min, max });
    });
  }

  // Colours and kinds of axes are settled when a plot is made.
  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    const isEmpty = !this.now?.lines.length;
    this.place.classList.toggle("empty", isEmpty);
    if (!isEmpty) this.plot = new uPlot(this.options(), this.now.data, this.place);
  }

  fit() {
    this.plot?.setSize({ width: this.place.clientWidth, height: HEIGHT });
  }

  options() {
    const { lines, range } = this.now;
    return {
      width: this.place.clientWidth,
      height: HEIGHT,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        sync: { key: "run" },
        drag: { x: true, y: false },
        points: { size: 7 },
        dataIdx: (plot, series, index) => measured(plot.data[series], index),
      },
      scales: { x: { time: false }, y: this.scale() },
      axes: this.axes(),
      series: [
        {},
        ...range.map(() => ({ width: 0, points: { show: false } })),
        ...lines.map((line) => series(line, this.spec)),
      ],
      bands: range.length ? [{ series: [2, 1], fill: colour("--training-range") }] : [],
      hooks: {
        drawAxes: [(plot) => shade(plot, this.now.alerts)],
        draw: [(plot) => cross(plot, this.now.bad)],
        setCursor: [() => this.explain()],
      },
    };
  }

  scale() {
    if (this.now.logarithmic) return { distr: 3 };
    return { range: (_, low, high) => padded(low, high, this.spec) };
  }

  axes() {
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const grid = { stroke: colour("--grid"), width: 1 };
    const filter = this.now.logarithmic ? decades : (_, splits) => splits;
    const both = { stroke: colour("--soft"), font, labelFont: font, ticks: { show: false } };
    const named = (say) => (_, splits) => splits.map((at) => (at === null ? "" : say(at)));
    return [
      { ...both, grid, size: 22, space: 64, label: "step", labelSize: 14, labelGap: 0,
        values: named((step) => (Number.isInteger(step) ? step : "")) },
      { ...both, grid: { ...grid, filter }, filter, size: 60, space: 30,
        values: named((value) => shown(value, this.spec)) },
    ];
  }

  /** Say what each line is, and its value at the cursor, or the last one. */
  explain() {
    const { data, lines, range, bad, logarithmic } = this.now;
    if (!lines.length) {
      this.key.replaceChildren("not measured");
      return;
    }
    const under = this.plot.cursor.idx ?? null;
    const index = under ?? data[0].length - 1;
    const value = (i) => data[1 + range.length + i][measured(data[1 + range.length + i], index)];
    this.key.replaceChildren(
      ...lines.map((line, i) => entry(line, line.mean ? "" : shown(value(i), this.spec))),
      ...(bad.length ? [entry({ label: "× not finite" })] : []),
      ...(logarithmic ? [entry({ label: "log scale" })] : []),
      ...(under === null ? [] : [entry({ label: `step ${data[0][under]}` })]),
    );
  }
}

/** Return what a plot cannot change once it is made. */
function form({ logarithmic, range, lines }) {
  return [logarithmic, range.length, ...lines.map((line) => [line.label, line.dots])].join();
}

function series(line, spec) {
  const stroke = colour(line.colour);
  const dots = { show: true, size: 6, stroke, fill: colour("--paper"), width: 1.5 };
  return {
    stroke,
    width: line.mean ? 2 : 1.25,
    alpha: line.faint ? FAINT : 1,
    points: line.dots ? dots : { fill: stroke, stroke, size: 4 },
    ...(spec.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
  };
}

/** Of the many lines of a logarithmic axis, keep the powers of ten. */
function decades(_, splits) {
  const isPower = (value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;
  return splits.map((value) => (isPower(value) ? value : null));
}

/** Fill each stretch of steps in the colour of its worst alert, and mark where alerts began. */
function shade(plot, alerts) {
  const { ctx, bbox } = plot;
  const at = (step) => plot.valToPos(step, "x", true);
  const edges = [...new Set(alerts.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const byRank = [...alerts].sort((a, b) => a.rank - b.rank);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.globalAlpha = 0.1;
  edges.slice(1).forEach((end, i) => {
    const worst = byRank.findLast(({ from, to }) => from <= edges[i] && to >= end);
    if (!worst) return;
    ctx.fillStyle = colour(worst.colour);
    ctx.fillRect(at(edges[i]), bbox.top, at(end) - at(edges[i]), bbox.height);
  });
  ctx.globalAlpha = 0.7;
  for (const alert of byRank) {
    ctx.fillStyle = colour(alert.colour);
    ctx.fillRect(Math.round(at(alert.from)), bbox.top, devicePixelRatio, bbox.height);
  }
  ctx.restore();
}

/** Mark at the bottom the steps at which a value was not finite. */
function cross(plot, steps) {
  const { ctx, bbox } = plot;
  const size = 3 * devicePixelRatio, y = bbox.top + bbox.height - 2 * size;
  let last = -Infinity;
  ctx.save();
  ctx.strokeStyle = colour("--critical");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  for (const step of steps) {
    const x = plot.valToPos(step, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width || x - last < 3 * size) continue;
    last = x;
    ctx.moveTo(x - size, y - size);
    ctx.lineTo(x + size, y + size);
    ctx.moveTo(x - size, y + size);
    ctx.lineTo(x + size, y - size);
  }
  ctx.stroke();
  ctx.restore();
}

function entry({ label, colour: name, faint }, value = "") {
  const whole = document.createElement("span");
  if (name && label) {
    const marker = whole.appendChild(document.createElement("i"));
    marker.style.background = `var(${name})`;
    if (faint) marker.style.opacity = FAINT;
  }
  whole.append(label);
  if (value) whole.append(" ", strong(value));
  return whole;
}

function strong(text) {
  const element = document.createElement("span");
  element.className = "value";
  element.append(text);
  return element;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
