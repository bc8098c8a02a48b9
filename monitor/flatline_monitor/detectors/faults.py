"""Faults of a set-up: what can be said of it before anything was learned.

Each fault is a pure question to what the client has told of a fit; what was not told is no fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from flatline_monitor.detectors.contract import Evidence
from flatline_monitor.runs.model import Array, Layer, Loss, Model
from flatline_monitor.runs.records import Hello

CROSS_ENTROPIES = {
    *("sparse_categorical_crossentropy", "categorical_crossentropy"),
    *("categorical_focal_crossentropy", "binary_crossentropy", "binary_focal_crossentropy"),
}
OF_CLASSES = {name for name in CROSS_ENTROPIES if "categorical" in name}
OF_UNITS = CROSS_ENTROPIES - OF_CLASSES
DISTANCES = {
    *("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"),
    *("mean_absolute_percentage_error", "mean_squared_logarithmic_error"),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What a fit was told to be."""

    model: Model
    hello: Hello
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of the kernels, by the name of their layer."""

    @property
    def loss(self) -> Loss:
        """The compiled loss; one without a name where it is not the only one."""
        return self.model.loss or Loss("")

    @property
    def output(self) -> Layer | None:
        """The layer whose output is the model's; None: that does not show."""
        return next((layer for layer in self.model.layers if layer.output), None)

    @property
    def target(self) -> Array | None:
        """The only array to be learned; None: there is not just one, or it is not known."""
        return self.model.targets[0] if len(self.model.targets) == 1 else None

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers but the last."""
        return tuple(layer for layer in self.model.layers if not layer.output)


@dataclass(frozen=True, slots=True)
class Broken:
    """What is wrong, as a sentence for people, and the number behind it where there is one."""

    sentence: str
    evidence: Evidence | None = None


Rule: TypeAlias = Callable[[Setup], Broken | None]
"""A question, whose name is the fault's: None where nothing is wrong, or nothing was told."""
