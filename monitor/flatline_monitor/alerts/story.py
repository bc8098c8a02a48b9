"""What happened to a run when: the first durable crossing of each signal, in time order.

Told of what a run keeps: its alerts, where its numbers went bad, the crossings of its layers'
norms, changes of the learning rate, its validations. Of a healthy run the norms are left out: a
gradient that is gone when everything is learned is no news.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.alerts.verdict import Level
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.checkpoint import checkpoint_by
from flatline_monitor.runs.crossings import FALLS, LIMITS, RISES
from flatline_monitor.runs.curve import Curve

MOST = 12
"""Moments that are told."""
_RISEN = 2.0
"""Times the best of the losses so far, above which one counts as risen, with half the first one."""
_TOLD_RATES = 4
_JUMP = 2.0
"""Times the learning rate before, which had stood still, to be a change of its own."""
_SIGNALS = {
    "update_norm": ("update", "updates"),
    "grad_norm": ("gradient", "gradients"),
    "weight_norm": ("weights", "weights"),
}


class Weight(enum.IntEnum):
    """What goes first where there is no room for all."""

    END = 0
    GRAVE = 1
    CROSSING = 2
    MILESTONE = 3
    NOTE = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, from this step on."""

    step: int
    signal: str
    """update, gradient, weights, loss, learning_rate, validation, end, or a detector's name."""
    short: str
    """In few words, for one line: "gradient of 4 layers"."""
    text: str
    weight: Weight = Weight.NOTE


def story_of(report: RunReport) -> tuple[Moment, ...]:
    """Return at most MOST moments, ascending by step; what happened at one step as it spreads."""
    ill = report.verdict.level is not Level.HEALTHY
    found = [
        *_rates(report.curve),
        *(_norms(report) if ill else ()),
        *(_risen_loss(report) if ill else ()),
        *_validation(report),
        *_alerts(report.alerts),
        *_end(report),
    ]
    kept = sorted(found, key=lambda moment: moment.weight)[:MOST]
    return tuple(sorted((m for m in found if m in kept), key=lambda moment: moment.step))


def line_of(moments: Sequence[Moment]) -> str:
    """Return the story in one line: "update of conv1 step 4210, loss step 4221, ..."."""
    return ", ".join(f"{moment.short} step {moment.step}" for moment in moments)


def _norms(report: RunReport) -> Iterator[Moment]:
    for name, (one, many) in _SIGNALS.items():
        trail = report.trails.get(name)
        if trail is None:
            continue
        crossed = trail.crossed(closing=report.verdict.closing)
        for side in (RISES, FALLS):
            if crossed.shape[1:] == (len(report.variables),):
                yield from _crossing(report, name, (one, many), crossed[side], side)


def _crossing(
    report: RunReport, name: str, words: tuple[str, str], steps: np.ndarray, side: int
) -> Iterator[Moment]:
    """Yield the one moment of all layers whose norm has crossed on this side, if any has."""
    at = np.flatnonzero(steps >= 0)
    if not at.size:
        return
    begins = int(steps[at].min())
    first = report.variables[int(at[steps[at].argmin()])]
    layers = {report.variables[int(i)].layer or report.variables[int(i)].path for i in at}
    where = first.layer or first.path
    whose = f"of {where}" if len(layers) == 1 else f"of {len(layers)} layers from {where} on"
    factor = LIMITS[name][side]
    began = "what it was" if len(layers) == 1 else "what they were"
    size = f"beyond {factor:g} times {began}" if side == RISES else f"below {factor:g} of {began}"
    text = f"the {words[0] if len(layers) == 1 else words[1]} {whose}: {size} in the beginning"
    short = f"{words[0]} {whose}" + ("" if side == RISES else " gone")
    yield Moment(begins, words[0], short, text, Weight.CROSSING)


def _risen_loss(report: RunReport) -> Iterator[Moment]:
    """Yield where the loss left its best and never came back, unless an alert says that.

    As far as the curve tells it: a point of a run of more than 512 steps covers several.
    """
    if any(a.detector == "divergence" and a.state is not State.INACTIVE for a in report.alerts):
        return
    loss, bad = report.curve.loss, report.curve["loss_bad"] > 0
    known = np.isfinite(loss) | bad
    loss, bad, first = loss[known], bad[known], report.curve["first"][known]
    if len(loss) < 2 or bad[0] or not loss[0] > 0:  # noqa: PLR2004 - one point rises from nothing
        return
    best = np.fmin.accumulate(loss)
    risen = bad | (loss > _RISEN * best + 0.5 * loss[0])
    if not risen[-1]:
        return
    begin = len(risen) - int(np.argmin(risen[::-1]))
    if not bad[begin]:
        yield Moment(
            int(first[begin]), "loss", "loss", "the loss rises and stays up", Weight.CROSSING
        )


def _alerts(alerts: Sequence[AlertReport]) -> Iterator[Moment]:
    for alert in alerts:
        if alert.since_step is None or alert.state not in {State.FIRING, State.RESOLVED}:
            continue
        over = " (it recovered)" if alert.state is State.RESOLVED else ""
        grave = alert.severity is not Severity.INFO
        yield Moment(
            alert.since_step,
            alert.detector,
            alert.detector,
            f"{alert.detector}: {alert.summary}{over}",
            Weight.GRAVE if grave and not over else Weight.NOTE,
        )


def _rates(curve: Curve) -> Iterator[Moment]:
    """Yield the first jumps of a learning rate that had stood still before."""
    rate, first = curve["learning_rate"], curve["first"]
    if len(rate) < 3:  # noqa: PLR2004 - still before, and changed after
        return
    before, at, after = rate[:-2], rate[1:-1], rate[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        still = np.abs(before - at) <= 0.01 * at
        jumps = still & (after != at) & ((after >= _JUMP * at) | (after <= at / _JUMP))
    for i in np.flatnonzero(jumps)[:_TOLD_RATES].tolist():
        text = f"the learning rate goes from {at[i]:.3g} to {after[i]:.3g}"
        short = f"learning rate {after[i]:.3g}"
        yield Moment(int(first[i + 2]), "learning_rate", short, text, Weight.MILESTONE)


def _validation(report: RunReport) -> Iterator[Moment]:
    kept = checkpoint_by(report.evaluations, "loss")
    if kept is not None:
        text = f"the validation loss is at its best, {kept.best:.4g}"
        yield Moment(kept.best_step, "validation", "best validation", text, Weight.MILESTONE)


def _end(report: RunReport) -> Iterator[Moment]:
    if report.crash is not None and report.step is not None:
        title = report.crash.title
        kind = report.crash.kind.value.replace("_", " ")
        yield Moment(report.step, "end", kind, f"the run ends: {title}", Weight.END)
