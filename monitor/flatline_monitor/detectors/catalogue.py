"""The detectors that a run is asked about, in the order in which they are shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from flatline_monitor.detectors.class_collapse import ClassCollapse
from flatline_monitor.detectors.clip_saturation import ClipSaturation
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.detectors.dead_units import DeadUnits
from flatline_monitor.detectors.divergence import Divergence
from flatline_monitor.detectors.frozen_layer import FrozenLayer
from flatline_monitor.detectors.gradient_explosion import GradientExplosion
from flatline_monitor.detectors.init_loss import InitLoss
from flatline_monitor.detectors.input_scale import InputScale
from flatline_monitor.detectors.loss_accuracy_inconsistency import LossAccuracyInconsistency
from flatline_monitor.detectors.loss_spike import LossSpike
from flatline_monitor.detectors.lr_schedule import LearningRateSchedule
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.non_finite import NonFinite
from flatline_monitor.detectors.not_shuffled import NotShuffled
from flatline_monitor.detectors.oscillation import Oscillation
from flatline_monitor.detectors.over_regularised import OverRegularised
from flatline_monitor.detectors.overfitting import Overfitting
from flatline_monitor.detectors.plateau import Plateau
from flatline_monitor.detectors.preflight import Preflight
from flatline_monitor.detectors.saturated_activations import SaturatedActivations
from flatline_monitor.detectors.settings import SettingsError, configure
from flatline_monitor.detectors.slow_steps import SlowSteps
from flatline_monitor.detectors.stagnation import Stagnation
from flatline_monitor.detectors.starved_class import StarvedClass
from flatline_monitor.detectors.suspicious_validation import SuspiciousValidation
from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.detectors.update_spike import UpdateSpike
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient
from flatline_monitor.detectors.weight_growth import WeightGrowth
from flatline_monitor.runs.records import Hello

CATALOGUE: tuple[Detector, ...] = (
    NonFinite(),
    InitLoss(),
    InputScale(),
    Stagnation(),
    Plateau(),
    NoSkill(),
    ClassCollapse(),
    StarvedClass(),
    LossAccuracyInconsistency(),
    NotShuffled(),
    VanishingGradient(),
    DeadUnits(),
    SaturatedActivations(),
    FrozenLayer(),
    WeightGrowth(),
    GradientExplosion(),
    LossSpike(),
    Divergence(),
    Oscillation(),
    LearningRateSchedule(),
    UpdateRatio(),
    UpdateSpike(),
    ClipSaturation(),
    OverRegularised(),
    Overfitting(),
    SuspiciousValidation(),
    SlowSteps(),
    Preflight(),
)


Numbers: TypeAlias = Mapping[str, Mapping[str, float]]
"""What an operator sets, by detector and field."""
NOTHING: Numbers = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Catalogues:
    """The detectors that runs are asked about: the same for all, with other numbers for some."""

    usual: Sequence[Detector] = CATALOGUE
    of_projects: Mapping[str, Sequence[Detector]] = field(default_factory=dict)
    """By the name of the project; those that are not here have the usual ones."""

    def of(self, hello: Hello) -> Sequence[Detector]:
        """Return the detectors with the numbers of a run's project."""
        return self.of_projects.get(hello.project, self.usual)


def catalogues(
    usual: Numbers, projects: Mapping[str, Numbers], above: Numbers = NOTHING
) -> Catalogues:
    """Return the detectors with the operator's numbers; `above` holds for every project.

    A project has the usual numbers but for its own. Raises SettingsError as `configured` does.
    """
    for name, numbers in projects.items():
        configured(numbers, f"projects.{json.dumps(name, ensure_ascii=False)}.detectors")
    return Catalogues(
        configured(overlaid(usual, above)),
        {
            name: configured(overlaid(overlaid(usual, numbers), above))
            for name, numbers in projects.items()
        },
    )


def configured(settings: Numbers, section: str = "detectors") -> tuple[Detector, ...]:
    """Return the catalogue with the operator's numbers, by detector and field.

    Raises SettingsError for a detector or a field that does not exist, and for a number that a
    field cannot be; it names the `section`.
    """
    names = [detector.name for detector in CATALOGUE]
    if unknown := sorted(settings.keys() - set(names)):
        msg = f"[{section}] has no {', '.join(unknown)}; it has {', '.join(names)}"
        raise SettingsError(msg)
    return tuple(
        configure(detector, settings.get(detector.name, {}), section) for detector in CATALOGUE
    )


def overlaid(below: Numbers, above: Numbers) -> dict[str, dict[str, float]]:
    """Return the numbers of both; where both have one, it is the one above."""
    return {name: {**below.get(name, {}), **above.get(name, {})} for name in {**below, **above}}
