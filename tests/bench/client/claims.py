"""What may be charged to a training, and whether it holds: lines of the table."""

from collections.abc import Mapping
from typing import Any

from flatline.backlog import CAPACITY_BYTES
from tests.bench.client.blocks import Blocks, Spread
from tests.bench.client.fresh import Pair
from tests.bench.client.models import TITLES
from tests.bench.client.peers import PEERS, TAPE, TAPE_LOGGED
from tests.bench.client.table import Line, judged, percent, us, within
from tests.bench.client.variants import ABSENT, BARE, DEFAULT, EMPTY, EVERY, UNSAMPLED
from tests.client.outage import HOUR_STEPS

SECONDS = {
    ("a", DEFAULT): 20e-6,
    ("a", UNSAMPLED): 10e-6,
    ("d", EVERY): 2e-3,
    **{(model, ABSENT): 3e-6 for model in TITLES},
}
"""Seconds that a step may be longer by."""
SHARES = {
    **{(model, DEFAULT): 0.01 for model in "bcde"},
    ("a", EVERY): 0.25,
    ("c", EVERY): 0.18,
    ("b", EVERY): 0.04,
}
"""Share of a step that it may be longer by."""
THAN = {UNSAMPLED: EMPTY, ABSENT: DEFAULT}
"""What a variant is compared with, if not with the bare model."""
ORDER = (EMPTY, UNSAMPLED, DEFAULT, ABSENT, EVERY, *PEERS)
STARTUP = {"a": 0.15, "b": 0.15, "c": 0.45}
CHEAPER, IMPORT_SECONDS = 4.0, 5e-3
QUANTITY_BYTES, NORMS_BYTES, UNSAMPLED_BYTES = 440, 1300, 24
NORMS = ("grad_norm", "weight_norm", "update_norm")


def of_blocks(model: str, blocks: Blocks) -> list[Line]:
    """Return the lines of the variants of one model."""
    step = blocks.step(BARE)
    low, high = step.low * 1e6, step.high * 1e6
    value = f"{step.median * 1e6:.0f} us ({low:.0f} .. {high:.0f})"
    note = f"{TITLES[model]}; {step.count} blocks of {blocks.steps} steps"
    lines = [Line(model, "bare: the step", value, note=note)]
    lines += [_extra(model, name, blocks) for name in ORDER if name in blocks.seconds]
    lines += [Line(model, name, "not installed") for name in PEERS if name not in blocks.seconds]
    return [*lines, *_cheaper(model, blocks)]


def _extra(model: str, name: str, blocks: Blocks) -> Line:
    than = THAN.get(name, BARE)
    seconds, share = blocks.longer(name, than), blocks.share(name, than)
    bar, holds = "", ""
    if (limit := SECONDS.get((model, name))) is not None:
        bar, holds = f"<= {limit * 1e6:.0f} us", judged(seconds, limit)
    elif (limit := SHARES.get((model, name))) is not None:
        bar, holds = f"<= {limit:.0%}", judged(share, limit)
    work = f"CPU {blocks.work(name, than) * 1e6:+.1f} us"
    notes = [f"mean {seconds.mean * 1e6:+.1f} us", work, blocks.sampled[name]]
    what = name if than == BARE else f"{name}; over {than}"
    return Line(
        model, what, us(seconds), percent(share), bar, holds, ", ".join(filter(None, notes))
    )


def _cheaper(model: str, blocks: Blocks) -> list[Line]:
    """Compare every step sampled with what a second tape costs."""
    ours = blocks.longer(EVERY).median
    lines = []
    for tape in (TAPE, TAPE_LOGGED):
        if tape in blocks.seconds and ours > 0:
            times = blocks.longer(tape).median / ours
            judge = model in "abc"
            holds = ("yes" if times >= CHEAPER else "NO") if judge else ""
            bar = f">= {CHEAPER:.0f} times" if judge else ""
            what = f"{tape}: times flatline, every step sampled"
            lines.append(Line(model, what, f"{times:.1f} times", "", bar, holds))
    return lines


def of_fits(
    model: str, startup: Mapping[str, Pair] | None, longer: Mapping[str, Pair] | None
) -> list[Line]:
    """Return the lines of one model in processes of their own."""
    lines = []
    if startup is not None:
        found, limit = startup["seconds"], STARTUP[model]
        value = f"{found.bare.median:.2f} s {_signed(found.extra, 's')}"
        note = f"{found.bare.count} pairs of processes; CPU {startup['cpu'].share.median:+.0%}"
        line = Line(
            model,
            "start-up: a fit of 5 steps",
            value,
            percent(found.share),
            f"<= {limit:+.0%}",
            judged(found.share, limit),
            note,
        )
        lines.append(line)
    if longer is not None:
        peak = longer["peak_bytes"]
        value = f"{peak.bare.median / 2**20:.0f} MiB {_signed(peak.extra, 'MiB', 2**20)}"
        note = f"{peak.bare.count} pairs of processes, every step sampled"
        lines.append(
            Line(model, "peak memory of a fit of 60 steps", value, percent(peak.share), note=note)
        )
    return lines


def of_import(found: Pair) -> Line:
    """Return the line of `import flatline`."""
    value = f"{found.bare.median * 1e3:.1f} ms {_signed(found.extra, 'ms', 1e-3)}"
    bar, holds = f"<= {IMPORT_SECONDS * 1e3:+.0f} ms", judged(found.extra, IMPORT_SECONDS)
    note = f"{found.bare.count} pairs of processes; loads no TensorFlow, grpc, numpy"
    return Line("", "import flatline, over Python alone", value, "", bar, holds, note)


def of_wire(model: str, found: Mapping[str, Any]) -> list[Line]:
    """Return the lines of the bytes of a model's steps."""
    quantities, count = found["quantities"], found["variables"]
    lines = [
        _bytes(model, "wire: an unsampled step", found["unsampled"], UNSAMPLED_BYTES),
        _bytes(model, f"wire: a sampled step of {count} variables, all of it", found["sampled"]),
    ]
    if count == 100:
        norms = sum(quantities[name] for name in NORMS)
        lines.append(_bytes(model, f"wire: its {' + '.join(NORMS)}", norms, NORMS_BYTES))
        name = max(quantities, key=lambda each: quantities[each])
        note = f"largest of {len(quantities)}: {name}"
        line = _bytes(
            model, "wire: one quantity of a sampled step", quantities[name], QUANTITY_BYTES
        )
        lines.append(Line(**(vars(line) | {"note": note})))
    return lines


def of_outage(found: Mapping[str, Any]) -> list[Line]:
    """Return the lines of an hour without a monitor."""
    what = f"{HOUR_STEPS / 1e6} M steps without a monitor"
    grown, limit = found["grown_bytes"] / 2**20, CAPACITY_BYTES / 2**20
    lost = found["offered"] - found["kept"] - found["dropped"]
    note = f"{found['kept']} steps kept, {found['dropped']} dropped and counted"
    memory = Line(
        "",
        f"{what}: memory",
        f"+{grown:.1f} MiB",
        "",
        f"<= {limit:.0f} MiB",
        within(grown, limit),
        f"in {found['seconds']:.1f} s",
    )
    counted = Line(
        "", f"{what}: not counted", f"{lost} steps", "", "0 steps", within(abs(lost), 0), note
    )
    return [memory, counted]


def _bytes(model: str, what: str, value: float, bar: float | None = None) -> Line:
    shown, holds = ("", "") if bar is None else (f"<= {bar:.0f} B", within(value, bar))
    return Line(model, what, f"{value:.1f} B", "", shown, holds)


def _signed(extra: Spread, unit: str, one: float = 1.0) -> str:
    median, low, high = (each / one for each in (extra.median, extra.low, extra.high))
    return f"{median:+.2f} {unit} ({low:+.2f} .. {high:+.2f})"
