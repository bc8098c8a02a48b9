"""What one training of the gallery is, what is true of it, and which half it belongs to.

Labels are decided before anybody looks at what detectors say:

*sick*
    the program has a fault, and its repaired twin - the same program without it - ends with a
    skill (training or validation, see `null model` in detectors.md) that is better by .1 or
    more, or with weights that are finite where its own are not.
*hidden*
    a program with a fault of which nothing is visible at run time: it ends as its repaired twin
    does, and none of the numbers that are streamed is outside of what healthy programs of the
    gallery have. The only right answer is silence.
*healthy*
    everything else, however odd it looks.
"""

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flatline.keras import MonitorCallback

Train: TypeAlias = Callable[[int, MonitorCallback], Any]
"""Takes a seed and the one callback of the program."""
Half: TypeAlias = Literal["tune", "score"]

FAMILIES = frozenset(
    {
        *("non_finite", "loss_spike", "divergence", "gradient_explosion", "clip_saturation"),
        *("stagnation", "no_skill", "plateau", "oscillation", "init_loss", "class_collapse"),
        *("starved_class", "loss_accuracy_inconsistency", "vanishing_gradient", "dead_units"),
        *("saturated_activations", "frozen_layer", "update_ratio", "over_regularised"),
        *("overfitting", "suspicious_validation", "input_scale", "not_shuffled", "slow_steps"),
        *("lr_schedule", "weight_growth", "update_spike"),
    }
)
CAUSES = frozenset(
    {
        *("bad_values_in_data", "learning_rate_too_high", "learning_rate_too_low"),
        *("inputs_not_scaled", "targets_not_scaled", "class_imbalance", "no_information"),
        *("saturating_activations", "regularization_too_strong", "regularization_missing"),
        *("capacity_too_small", "too_little_data", "noisy_labels", "poor_initialization"),
        *("dead_units", "wrong_last_layer_or_loss", "categories_as_numbers", "data_changed"),
        *("gradients_not_clipped", "too_few_epochs", "batch_too_large", "batch_too_small"),
        *("not_shuffled", "untrained_layers", "leak", "schedule_wrong", "unsuitable_optimizer"),
        *("clipping_too_strong", "numerical_error"),
        *("slow_input", "sign_error", "normalisation_wrong", "validation_differs"),
    }
)


@dataclass(frozen=True)
class Case:
    """One training and what is true of it."""

    name: str
    title: str
    train: Train
    sick: bool = False
    visible: bool = True
    """Whether a fault shows at run time; of no meaning for a healthy program."""
    families: frozenset[str] = frozenset()
    """Detectors any of which is right."""
    causes: frozenset[str] = frozenset()
    """Causes any of which is right."""
    onset: float = 0.0
    """Share of the plan at which the fault begins."""
    at_end: bool = False
    """Whether only the end of the run shows it: overfitting, a plateau, too few epochs."""

    @property
    def half(self) -> Half:
        """The half it belongs to: by its name alone, so that nobody chooses."""
        return "score" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "tune"


_CASES: dict[str, Case] = {}


def healthy(train: Train) -> Train:
    """Add a program of which no warning may be given."""
    return _add(train)


def sick(
    *families: str, cause: str | tuple[str, ...], onset: float = 0.0, at_end: bool = False
) -> Callable[[Train], Train]:
    """Add a program with a fault that shows, as one of these detectors, for one of these causes."""
    causes = frozenset((cause,) if isinstance(cause, str) else cause)
    if unknown := sorted((set(families) - FAMILIES) | (causes - CAUSES)):
        msg = f"the gallery knows neither a detector nor a cause of the name {', '.join(unknown)}"
        raise ValueError(msg)
    return lambda train: _add(
        train,
        sick=True,
        families=frozenset(families),
        causes=causes,
        onset=onset,
        at_end=at_end,
    )


def hidden(cause: str) -> Callable[[Train], Train]:
    """Add a program with a fault of which nothing shows at run time."""
    return lambda train: _add(train, sick=True, visible=False, causes=frozenset({cause}))


def _add(train: Train, **labels: Any) -> Train:
    name = train.__name__
    if name in _CASES:
        msg = f"two trainings of the gallery are called {name}"
        raise ValueError(msg)
    title = (train.__doc__ or "").strip().partition("\n")[0]
    if not title:
        msg = f"the training {name} of the gallery says nothing about itself"
        raise ValueError(msg)
    _CASES[name] = Case(name, title, train, **labels)
    return train


def cases() -> Iterator[Case]:
    """Return all trainings of the gallery, by name."""
    package = importlib.import_module("tests.gallery.trainings")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"tests.gallery.trainings.{module.name}")
    return iter(sorted(_CASES.values(), key=lambda case: case.name))
