"""Asks the packages of `make rivals`, in an environment of their own, if they are installed."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.gallery.replay import Outcome
from tests.gallery.rivals.contract import Found
from tests.gallery.rivals.logs import Logs
from tests.gallery.rivals.packages.log import Epoch, Log, packed
from tests.gallery.rivals.versus import Rating, answer
from tests.gallery.series import Series

PYTHON = Path(".venv-rivals/bin/python")
NOT_INSTALLED = "not installed (`make rivals`)"

NO_PROGRESS = frozenset({"stagnation", "no_skill", "plateau"})
SPIKES = frozenset({"loss_spike", "oscillation", "divergence"})
EXPLOSION = frozenset({"gradient_explosion", "update_spike", "loss_spike", "divergence"})
LOST = frozenset({"non_finite", "gradient_explosion", "divergence"})
NO_GRADIENT = frozenset({"vanishing_gradient", "frozen_layer", "dead_units"})
TOO_FAST = frozenset({"update_ratio", "divergence", "oscillation", "weight_growth", "loss_spike"})

SYMPTOMS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "finetune_doctor": {
        "overfitting": frozenset({"overfitting"}),
        "loss_degenerate: NaN": LOST,
        "loss_degenerate": frozenset({"no_skill", "frozen_layer"}),
        "not_learning: Training loss went up": frozenset({"divergence"}) | NO_PROGRESS,
        "not_learning": NO_PROGRESS,
        "loss_spikes": SPIKES,
        "lr_schedule": frozenset({"lr_schedule"}),
        "gradients: NaN": LOST,
        "gradients: Zero": NO_GRADIENT,
        "gradients": EXPLOSION,
    },
    "sk_autod": {
        "refused": LOST,
        "Classic overfitting": frozenset({"overfitting"}),
        "Missed early stopping": frozenset({"overfitting", "divergence"}),
        "Exploding gradient": EXPLOSION,
        "LR too high": TOO_FAST | {"lr_schedule"},
        "LR too low": NO_PROGRESS | {"update_ratio", "lr_schedule"},
        "Underfitting": NO_PROGRESS,
        "Dying ReLU": NO_PROGRESS | {"dead_units"},
        "Noisy training": SPIKES,
        "Data leakage": frozenset({"suspicious_validation"}),
        "Label noise": NO_PROGRESS,
    },
    "runmedic": {
        "non_finite": LOST,
        "divergence": frozenset({"divergence"}),
        "loss_spikes": SPIKES,
        "no_learning": NO_PROGRESS | {"frozen_layer"},
        "overfitting": frozenset({"overfitting"}),
        "grad_spikes": EXPLOSION,
    },
    "gradsnitch": {
        "GS001": LOST,
        "GS002": LOST,
        "GS003": EXPLOSION,
        "GS004": frozenset({"overfitting"}),
        "GS005": NO_PROGRESS,
        "GS006": frozenset({"divergence"}),
        "GS007": NO_GRADIENT | {"saturated_activations"},
        "GS008 LR too high": TOO_FAST,
        "GS008 LR too low": frozenset({"update_ratio", "stagnation", "lr_schedule"}),
        "GS009": SPIKES,
        "GS010": frozenset({"lr_schedule"}),
    },
    "trainpulse": {
        "nan_detector": LOST,
        "loss_spike": SPIKES,
        "gradient: Gradient explosion": EXPLOSION,
        "gradient: Vanishing": NO_GRADIENT,
        "learning_rate": frozenset({"lr_schedule"}),
        "plateau": NO_PROGRESS,
    },
}
"""The families that each symptom of a package may mean, by the beginning of its name."""

VERSIONS = {
    "finetune_doctor": "finetune-doctor 0.2.2, at the end",
    "sk_autod": "sk-autod 0.1.1, at the end",
    "runmedic": "runmedic 0.1.1, at the end",
    "gradsnitch": "gradsnitch 0.1.0, at the end",
    "trainpulse": "trainpulse 0.4.0, live",
}


def logs_of(runs: Sequence[Series]) -> list[str]:
    """Return the runs of a training as the lines that the packages are fed."""
    with np.errstate(all="ignore"):
        return [packed(_log(Logs(run))) for run in runs]


def _log(logs: Logs) -> Log:
    run, epochs = logs.run, logs.epochs
    rows = np.searchsorted(run.step, logs.sampled)
    loss = run.loss.astype(float)
    loss[np.isin(run.step, run.lost)] = np.inf
    columns = np.full((2, len(run.step)), np.nan)
    columns[0, rows] = logs.number("global_grad_norm")
    update, weight = (logs.column(name) for name in ("update_norm", "weight_norm"))
    if update.shape[1]:
        columns[1, rows] = np.sqrt((update**2).sum(axis=1) / (weight**2).sum(axis=1))
    ends = zip(epochs.last, epochs.loss, epochs.val_loss, epochs.val_accuracy, strict=True)
    return Log(
        planned=run.plan,
        step=run.step.tolist(),
        loss=loss.tolist(),
        rate=run.rate.tolist(),
        grad_norm=columns[0].tolist(),
        update_ratio=columns[1].tolist(),
        epochs=[Epoch(int(step), *map(float, numbers)) for step, *numbers in ends],
    )


def asked(
    outcomes: Sequence[Outcome], logs: Sequence[Sequence[str]], python: Path = PYTHON
) -> tuple[list[Rating], dict[str, str]]:
    """Return what the packages say, and why some of them cannot be asked."""
    if not python.exists():
        return [], dict.fromkeys(VERSIONS.values(), NOT_INSTALLED)
    lines = [line for some in logs for line in some]
    absent, *said = _answers(python, lines)
    replies = iter(said)
    each = [[next(replies) for _ in some] for some in logs]
    names = [name for name in SYMPTOMS if name not in absent]
    ratings = [
        Rating(
            VERSIONS[name],
            "the package itself",
            [
                answer(outcome, [_found(name, reply[name]) for reply in some])
                for outcome, some in zip(outcomes, each, strict=True)
            ],
        )
        for name in names
    ]
    return ratings, {VERSIONS[name]: reason for name, reason in absent.items()}


def _answers(python: Path, lines: Sequence[str]) -> list:
    text = "".join(f"{line}\n" for line in lines)
    command = [str(python), "-m", "tests.gallery.rivals.packages"]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _found(package: str, said: Sequence[tuple[int, str]]) -> list[Found]:
    return [Found(step, symptom, families_of(package, symptom)) for step, symptom in said]


def families_of(package: str, symptom: str) -> frozenset[str]:
    """Return the families of the longest name that the symptom begins with."""
    names = [name for name in SYMPTOMS[package] if symptom.startswith(name)]
    if not names:
        msg = f"{package} says {symptom}, of which {__name__}.SYMPTOMS knows no families"
        raise KeyError(msg)
    return SYMPTOMS[package][max(names, key=len)]
