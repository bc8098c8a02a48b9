"""The detectors that a run is asked about, in the order in which they are shown."""

from collections.abc import Mapping

from flatline_monitor.detectors.class_collapse import ClassCollapse
from flatline_monitor.detectors.contract import Detector
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.non_finite import NonFinite
from flatline_monitor.detectors.settings import SettingsError, configure
from flatline_monitor.detectors.vanishing_gradient import VanishingGradient

CATALOGUE: tuple[Detector, ...] = (
    NonFinite(),
    NoSkill(),
    ClassCollapse(),
    VanishingGradient(),
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
