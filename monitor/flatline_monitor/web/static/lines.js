// What each curve of a run shows: from the run's history to lines of numbers. Nothing is drawn here.
//
// In a line, undefined says that nothing was measured at a step, and null that it was not finite:
// uPlot draws on over the one and leaves a gap for the other.

const LOGARITHMIC_FROM = 100; // two decades between the smallest value and the largest
const SMOOTHED_FROM = 120; // points of a line; fewer are easily read as they are
const SMOOTHED_OVER = 15;
const MOST_DOTS = 40; // evaluations beyond which a line is enough
const RANKS = ["info", "warning", "critical"];
const SHADED = ["firing", "resolved"];
const ACCURACIES = ["accuracy", "sparse_categorical_accuracy", "categorical_accuracy",
  "binary_accuracy", "acc"];

/** By the id of its figure: the columns of history.curve and of the evaluations that it shows. */
export const SPECS = {
  loss: {
    column: "loss", label: "training", validation: ["loss"],
    range: ["loss_min", "loss_max"], bad: "loss_bad", logarithmic: true, smooth: true,
  },
  accuracy: {
    column: "accuracy", label: "training", validation: ACCURACIES, percent: true, smooth: true,
  },
  learning_rate: { column: "learning_rate", label: "", logarithmic: true, stepped: true },
  global_grad_norm: {
    column: "global_grad_norm", label: "per step", logarithmic: true, smooth: true,
  },
};

/** Return the steps of all curves: those of the run's points and of its evaluations. */
export function stepsOf({ curve, evaluations }) {
  return [...new Set([...curve.step, ...evaluations.step])].sort((a, b) => a - b);
}

/** Return what is drawn of a history in one chart. */
export function drawn(history, steps, spec) {
  const { curve } = history;
  const column = (name) => aligned(steps, curve.step, curve[name]);
  const training = { label: spec.label, colour: "--training", values: column(spec.column) };
  const mean = spec.smooth ? smoothed(training) : null;
  const lines = [{ ...training, faint: mean !== null }, mean, validation(history, steps, spec)]
    .filter((line) => line?.values.some((value) => value !== undefined));
  const range = (spec.range ?? []).map(column);
  const numbers = [...range, ...lines.map((line) => line.values)].flat().filter(Number.isFinite);
  return {
    lines,
    range,
    data: [steps, ...range, ...lines.map((line) => line.values)],
    logarithmic: Boolean(spec.logarithmic) && isWide(numbers),
    bad: curve.step.filter((_, i) => spec.bad && curve[spec.bad][i] > 0),
    alerts: bands(history),
  };
}

/** Return the place of the last measurement up to `index`; `index` where there is none. */
export function measured(values, index) {
  for (let i = index; i >= 0; i -= 1) if (values[i] !== undefined) return i;
  return index;
}

/** Return the range of an axis for values from `low` to `high`; null: there are none. */
export function padded(low, high, { percent }) {
  if (low === null || high === null) return [0, 1];
  const pad = high > low ? (high - low) * 0.06 : Math.abs(high) || 1;
  return percent ? [Math.max(0, low - pad), Math.min(1, high + pad)] : [low - pad, high + pad];
}

/** Return a value as people read it. */
export function shown(value, { percent }) {
  if (value === undefined) return "–";
  if (value === null) return "not finite";
  if (percent) return `${Number((100 * value).toFixed(1))} %`;
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-4 && size < 1e5)) return String(Number(value.toPrecision(4)));
  return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
}

function aligned(steps, own, values) {
  const known = new Map();
  own.forEach((step, i) => {
    if (values[i] !== null) known.set(step, Number.isFinite(values[i]) ? values[i] : null);
  });
  return steps.map((step) => known.get(step));
}

function validation({ evaluations }, steps, spec) {
  const name = spec.validation?.find((each) => each in evaluations.metrics);
  if (!name) return null;
  const values = aligned(steps, evaluations.step, evaluations.metrics[name]);
  return { label: "validation", colour: "--validation", values, dots: evaluations.step.length <= MOST_DOTS };
}

/** Return the running mean of a line of many points; null: it is easily read as it is. */
function smoothed({ colour, values }) {
  const known = values.flatMap((value, i) => (Number.isFinite(value) ? [i] : []));
  if (known.length < SMOOTHED_FROM) return null;
  const means = values.map((value) => (value === null ? null : undefined));
  known.forEach((place, i) => {
    // Of the points before it only: what came later must not show itself earlier.
    const near = known.slice(Math.max(0, i + 1 - SMOOTHED_OVER), i + 1);
    means[place] = near.reduce((sum, at) => sum + values[at], 0) / near.length;
  });
  return { label: `mean of ${SMOOTHED_OVER}`, colour, values: means, mean: true };
}

function bands({ alerts, step }) {
  return alerts
    .filter((alert) => SHADED.includes(alert.state) && alert.since_step !== null)
    .map((alert) => ({
      rank: RANKS.indexOf(alert.severity),
      colour: `--${alert.severity}`,
      from: alert.since_step,
      to: alert.state === "firing" ? (step ?? alert.last_step) : alert.last_step,
    }));
}

function isWide(numbers) {
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
  const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
  return low > 0 && high / low > LOGARITHMIC_FROM;
}
