"""Reads what a program passes to Run.log: a wrong value is said once and left out, never raised."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import SupportsIndex

import numpy as np

from flatline.rows import Evaluation
from flatline.say import shown
from flatline.wire import COLUMNS, STATUSES

AXES = {
    "variable": ("grad_norm", "weight_norm", "update_norm", "grad_zero_share"),
    "class": ("label_count", "prediction_count", "correct_count"),
    "label": ("positive_count",),
    "input": ("input_mean", "input_std", "input_min", "input_max", "input_nonfinite_count"),
    "output": ("target_mean", "target_variance", "target_deviation", "target_nonfinite_count"),
    "bucket": ("label_bucket_count", "prediction_bucket_count"),
    "activation": ("activation_mean", "activation_std", "dead_unit_share", "saturated_unit_share"),
}
"""Columns of message Sampled that have a second axis, by that axis; all others have one value."""

_AXIS = {column: axis for axis, columns in AXES.items() for column in columns}
_NAMES, _NAME_BYTES = 512, 64
_METRICS, _METRIC_BYTES = 64, 128
_WIDEST = {"class": 256, "label": 4096, "output": 4096, "bucket": 256}
"""What the monitor takes at most; it would refuse the run for more."""
_COUNTS_BELOW = 2**62


@dataclass
class Entry:
    """One step, read."""

    step: int
    epoch: int | None = None
    loss: float | None = None
    learning_rate: float | None = None
    sampled: dict[str, np.ndarray] = field(default_factory=dict)
    """Columns of message Sampled, one row: float64 [value]."""
    scalars: dict[str, float] = field(default_factory=dict)

    @property
    def finite(self) -> bool:
        """Whether everything measured is a finite number."""
        if self.loss is not None and not np.isfinite(self.loss):
            return False
        return all(np.isfinite(values).all() for values in self.sampled.values())


class Reader:
    """Reads entries of one run, whose axes must keep their lengths."""

    def __init__(self, complain: Callable[[str, str], None], class_count: int | None) -> None:
        self._complain = complain
        self._widths: dict[str, int] = {"variable": 0, "input": 0, "activation": 0}
        if class_count is not None:
            self._widths["class"] = class_count
        self._names: set[str] = set()
        self.refused = 0
        """Values that were left out."""

    def set_widths(self, variables: int, inputs: int) -> None:
        """Set the lengths of the axes that the monitor knows by name."""
        self._widths |= {"variable": variables, "input": inputs}

    def entry(  # noqa: PLR0913 - as many as Run.log has
        self,
        step: object,
        *,
        epoch: object,
        loss: object,
        learning_rate: object,
        sampled: object,
        scalars: Mapping[str, object],
    ) -> Entry | None:
        """Return the step as read, or None where there is no telling which step it is."""
        number = self.count("step", step)
        if number is None:
            return None
        return Entry(
            step=number,
            epoch=None if epoch is None else self.count("epoch", epoch, 2**32),
            loss=None if loss is None else self.number("loss", loss),
            learning_rate=(
                None if learning_rate is None else self.number("learning_rate", learning_rate)
            ),
            sampled=self._columns(sampled),
            scalars=self.scalars(scalars),
        )

    def count(self, name: str, value: object, below: int = 2**62) -> int | None:
        """Return a whole number from 0, or None and a complaint."""
        try:
            count = value.__index__() if isinstance(value, SupportsIndex) else -1
        except Exception:  # noqa: BLE001 - an array of foreign make may raise anything
            count = -1
        if 0 <= count < below:
            return count
        self.refuse(name, f"{name} is {shown(value)}; it must be a whole number, 0 or more")
        return None

    def number(self, name: str, value: object) -> float | None:
        """Return a float, or None and a complaint."""
        # Whether a tensor is SupportsFloat takes ten times as long to find out as its value.
        if not isinstance(value, str | bytes | bytearray):
            with suppress(Exception):  # an array of foreign make may raise anything
                return float(value)  # type: ignore[arg-type]
        self.refuse(name, f"{name} is {shown(value)}; it must be a number")
        return None

    def scalars(self, values: Mapping[str, object]) -> dict[str, float]:
        """Return those of the named values that are numbers, under names that are taken."""
        return self._numbers(values, self._names, _NAMES, _NAME_BYTES)

    def evaluation(
        self,
        step: object,
        epoch: object,
        n: object,
        metrics: Mapping[str, object],
        **counts: object,
    ) -> Evaluation | None:
        """Return a validation as read, or None where there is no telling after which step."""
        number = self.count("step", step)
        if number is None:
            return None
        return Evaluation(
            step=number,
            n=None if n is None else self.count("n", n),
            epoch=self.count("epoch", epoch, 2**32) or 0,
            metrics=self._numbers(metrics, set(), _METRICS, _METRIC_BYTES),
            counts=self._class_counts(counts),
        )

    def status(self, value: str) -> str:
        """Return how a run ended; as finished, after a complaint, where that is no status."""
        if value in STATUSES:
            return value
        self.refuse("status", f"status is {shown(value)}; it must be one of {', '.join(STATUSES)}")
        return "finished"

    def _class_counts(self, values: Mapping[str, object]) -> dict[str, list[int]]:
        given = {name: value for name, value in values.items() if value is not None}
        counts = {name: self._class_count(name, value) for name, value in given.items()}
        return {name: count for name, count in counts.items() if count is not None}

    def _class_count(self, name: str, value: object) -> list[int] | None:
        try:
            values = np.asarray(value)
            with np.errstate(invalid="ignore"):
                whole = values.astype(np.int64)
            counts = bool(np.all((whole == values) & (whole >= 0) & (whole < _COUNTS_BELOW)))
        except Exception:  # noqa: BLE001 - an array of foreign make may raise anything
            counts = False
        if not counts:
            sentence = f"{name} is {shown(value)}; it must hold counts, whole numbers, 0 or more"
            self.refuse(name, sentence)
            return None
        widest = _WIDEST["class"]
        if values.ndim == 1 and 0 < values.size <= widest:
            self._widths.setdefault("class", values.size)
        wanted = self._widths.get("class")
        if values.ndim != 1 or values.size != wanted or wanted > widest:
            few = wanted is not None and wanted <= widest
            right = f"{wanted} numbers" if few else f"1 to {widest} numbers"
            sentence = f"{name} has shape {values.shape}; it must have {right}, one for each class"
            self.refuse(name, sentence)
            return None
        return [int(count) for count in whole]

    def _numbers(
        self, values: Mapping[str, object], names: set[str], most: int, most_bytes: int
    ) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for name, value in values.items():
            if (
                not name
                or len(name.encode(errors="replace")) > most_bytes
                or not name.isprintable()
            ):
                sentence = (
                    f"a name is {shown(name)}; it must have 1 to {most_bytes} printable bytes"
                )
                self.refuse("a name", sentence)
            elif len(names) >= most and name not in names:
                self.refuse("names", f"{name} is a name too many; there may be {most}")
            elif (number := self.number(name, value)) is not None:
                names.add(name)
                numbers[name] = number
        return numbers

    def _columns(self, sampled: object) -> dict[str, np.ndarray]:
        if sampled is None:
            return {}
        if not isinstance(sampled, Mapping):
            sentence = f"sampled is {shown(sampled)}; it must be a dict of columns"
            self.refuse("sampled", sentence)
            return {}
        columns: dict[str, np.ndarray] = {}
        for name, value in sampled.items():
            column = self._column(name, value)
            if column is not None:
                columns[name] = column
        return columns

    def _column(self, name: str, value: object) -> np.ndarray | None:
        if name not in COLUMNS:
            sentence = f"sampled has no column {shown(name)}; it has {', '.join(COLUMNS)}"
            self.refuse(f"sampled {name}", sentence)
            return None
        try:
            values = np.asarray(value, np.float64)
        except Exception:  # noqa: BLE001 - an array of foreign make may raise anything
            values = np.zeros((0, 0))
        wanted = self._width(name, values)
        size, widest = max(wanted, values.size), _WIDEST.get(_AXIS.get(name, ""))
        if widest is not None and size > widest:
            sentence = f"sampled {name} has {size} numbers; it must have at most {widest}"
            self.refuse(f"sampled {name}", sentence)
            return None
        if values.ndim > 1 or values.size != wanted:
            sentence = f"sampled {name} has shape {values.shape}; it must have {wanted} numbers"
            self.refuse(f"sampled {name}", sentence)
            return None
        if COLUMNS[name] == "<u4" and not np.all((values >= 0) & (values < 2**32)):
            sentence = f"sampled {name} is {shown(value)}; it must hold counts, 0 or more"
            self.refuse(f"sampled {name}", sentence)
            return None
        return values.reshape(-1)

    def _width(self, name: str, values: np.ndarray) -> int:
        """Return how many values the column must have; the first one settles it where free."""
        axis = _AXIS.get(name)
        if axis is None:
            return 1
        if values.ndim <= 1 and 0 < values.size <= _WIDEST.get(axis, 0):
            self._widths.setdefault(axis, values.size)
        return self._widths.get(axis, 1)

    def refuse(self, kind: str, sentence: str) -> None:
        """Count a value that is left out, and say so once for each kind."""
        self.refused += 1
        self._complain(kind, sentence)
