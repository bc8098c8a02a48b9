"""Takes a remedy: runs its code in the place of the person who would paste it."""

import contextlib
import io
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from flatline.keras import MonitorCallback
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import RunReport, RunState
from flatline_monitor.alerts.verdict import Level
from flatline_monitor.detectors.contract import Severity
from flatline_monitor.diagnosis.causes import CAUSES
from flatline_monitor.diagnosis.contract import Remedy
from flatline_monitor.diagnosis.facts import Facts
from tests.gallery.case import Case
from tests.gallery.caught import Arguments, Fit, catching
from tests.gallery.skill import Skill, Skills, skills_of

LOOKS = frozenset({"no_information", "numerical_error", "sign_error"})
"""Causes whose code looks for the fault and leaves it where it is."""
SCHEDULES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
CLEARLY = 0.1
"""What a skill has to gain: what tells a sick program from its repaired twin, see case.py."""
ENOUGH, SAME = 0.9, 0.02
"""A skill that leaves nothing to gain, and by how much it may then be less than it was."""


def applicable(cause: str, remedy: Remedy) -> str:
    """Say why a remedy cannot be taken by running its code; empty: it can."""
    if not remedy.code:
        return f"the remedy of {cause} has no code"
    if cause in LOOKS:
        return f"the remedy of {cause} looks, and changes nothing"
    return ""


def others(first: Remedy, facts: Facts, dice: random.Random) -> Iterator[tuple[str, Remedy]]:
    """Return the remedies of all causes that can be taken and are not the first, shuffled."""
    told = [(entry.name, entry.remedy(facts)) for entry in CAUSES]
    dice.shuffle(told)
    for cause, remedy in told:
        if remedy.code != first.code and not applicable(cause, remedy):
            yield cause, remedy


def take(code: str, fit: Fit, callback: MonitorCallback, seed: int) -> tuple[Skills, str]:
    """Run a remedy's code on what a program gave to its fit; return what was learned by it.

    Its own fit gets the callback, and what it says nothing of: the program's other callbacks, the
    validation data and the size of the batches. Data that the code has prepared anew are not
    validated on data that it has not. Beside it stands what the code raised, empty if nothing.
    """
    names = {"keras": keras, "np": np, "model": fit.model}
    names |= {"x_train": fit.given["x"].copy(), "y_train": fit.given["y"].copy()}
    carried = carried_over(fit, code)
    before = {"x": names["x_train"], "y": names["y_train"]}

    def completed(given: Arguments) -> Arguments:
        given["callbacks"] = [*(given.get("callbacks") or ()), *carried, callback]
        given["verbose"] = 0
        is_array = isinstance(given.get("x"), np.ndarray)
        is_same = not is_array or all(given.get(name) is before[name] for name in before)
        if is_array and fit.given.get("batch_size"):
            given.setdefault("batch_size", fit.given["batch_size"])
        if given.keys() & {"validation_data", "validation_split"}:
            return given
        if is_same and fit.given.get("validation_data") is not None:
            given["validation_data"] = fit.given["validation_data"]
        elif is_array and fit.given.get("validation_split"):
            given["validation_split"] = fit.given["validation_split"]
        return given

    keras.utils.set_random_seed(seed)
    with (
        as_it_was(fit.model),
        catching(completed) as fits,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            exec(code, names)  # noqa: S102 - it is what people paste
        except Exception as error:  # noqa: BLE001 - that it raises is what is to be known
            return Skills(), f"{type(error).__name__}: {error}".partition("\n")[0][:150]
    if not fits:
        return Skills(), ""
    is_array = isinstance(fits[-1].given.get("x"), np.ndarray)
    return fits[-1].skills if is_array else skills_of(fits[-1].model, before), ""


@contextlib.contextmanager
def as_it_was(model: Any) -> Iterator[None]:
    """Give the model back its weights, and the layers that were frozen, after the block."""
    weights, trainable = model.get_weights(), [layer.trainable for layer in model.layers]
    try:
        yield
    finally:
        for layer, was in zip(model.layers, trainable, strict=True):
            layer.trainable = was
        model.set_weights(weights)


def carried_over(fit: Fit, code: str) -> list[Any]:
    """Return the program's callbacks that a person would keep beside the code.

    Not those that set the learning rate, where the code does so, and none of a program that was
    broken off, because it may have been one of them that did so.
    """
    left = (MonitorCallback, *(SCHEDULES if "learning_rate" in code else ()))
    return [] if fit.broke_off else [each for each in fit.callbacks if not isinstance(each, left)]


def why_ill(case: Case, before: Skills, after: Skills, report: RunReport) -> str:
    """Say why a program has not recovered; empty: it has.

    It has when its run came to its end, the monitor's last word is not "sick", no alert of the
    case's families fires at the end as a warning or worse, and it has learned (see `learned`).
    """
    firing = [
        alert.detector
        for alert in report.alerts
        if alert.detector in case.families
        and alert.state is State.FIRING
        and alert.severity is not None
        and alert.severity.rank >= Severity.WARNING.rank
    ]
    if report.state is not RunState.FINISHED:
        return f"the run {report.state} {report.exception_type}".strip()
    if firing:
        return f"still {', '.join(firing)}"
    if report.verdict.level is Level.SICK:
        return f"sick: {report.verdict.sentence}"[:100]
    if not learned(before, after, best_counts="overfitting" in case.families):
        return f"learned no more: {_pair(before, after)}"
    return ""


def learned(before: Skills, after: Skills, *, best_counts: bool) -> bool:
    """Say whether a program has learned more than before.

    By its validation where it has one before and after, else by its training: the skill by loss or
    by accuracy is clearly better than it was, and clearly better than guessing; or it is so good
    that there is nothing to gain, and hardly less than it was. Where the fault is to have learned
    too much the validation's skill by loss need not be above that of guessing.
    """
    held = before.validation is not None and after.validation is not None
    old, new = (_last(each, held=held) for each in (before, after))
    if best_counts and held and new.loss > old.loss + CLEARLY:
        return True
    pairs = [(old.loss, new.loss)]
    if old.accuracy is not None or new.accuracy is not None:
        pairs.append((old.accuracy or 0.0, new.accuracy or 0.0))
    return any(b >= max(a, 0.0) + CLEARLY or (b >= ENOUGH and b >= a - SAME) for a, b in pairs)


def _last(skills: Skills, *, held: bool) -> Skill:
    return skills.validation if held and skills.validation else skills.training


def _pair(before: Skills, after: Skills) -> str:
    held = before.validation is not None and after.validation is not None
    old, new = (_last(each, held=held) for each in (before, after))
    shown = [f"skill {old.loss:.2f} -> {new.loss:.2f}"]
    if old.accuracy is not None and new.accuracy is not None:
        shown.append(f"accuracy above guessing {old.accuracy:.2f} -> {new.accuracy:.2f}")
    return ", ".join(shown) + (" (validation)" if held else "")
