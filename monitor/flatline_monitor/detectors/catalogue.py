"""The detectors that a run is asked about, in the order in which they are shown."""

from collections.abc import Mapping

from flatline_monitor.detectors.class_collapse import ClassCollapse
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.detectors.divergence import Divergence
from flatline_monitor.detectors.gradient_explosion import GradientExplosion
from flatline_monitor.detectors.init_loss import InitLoss
from flatline_monitor.detectors.input_scale import InputScale
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.non_finite import NonFinite
from flatline_monitor.detectors.overfitting import Overfitting
from flatline_monitor.detectors.settings import SettingsError, configure
from flatline_monitor.detectors.stagnation import Stagnation
from flatline_monitor.detectors.update_ratio import UpdateRatio
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient

CATALOGUE: tuple[Detector, ...] = (
    NonFinite(),
    InitLoss(),
    InputScale(),
    Stagnation(),
    NoSkill(),
    ClassCollapse(),
    VanishingGradient(),
    GradientExplosion(),
    Divergence(),
    UpdateRatio(),
    Overfitting(),
)


def configured(settings: Mapping[str, Mapping[str, float]]) -> tuple[Detector, ...]:
    """Return the catalogue with the operator's numbers, by detector and field.

    Raises SettingsError for a detector or a field that does not exist.
    """
    names = [detector.name for detector in CATALOGUE]
    if unknown := sorted(settings.keys() - set(names)):
        msg = f"[detectors] has no {', '.join(unknown)}; it has {', '.join(names)}"
        raise SettingsError(msg)
    return tuple(configure(detector, settings.get(detector.name, {})) for detector in CATALOGUE)
