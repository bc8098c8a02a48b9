"""Counts classes while a validation runs: labels, predictions and hits of the whole pass.

A test function of our own stands in for the model's while a validation of a fit runs. It is made
by the model's own `make_test_function`, so that strategies, XLA and several steps in one call are
honoured, and it does the same and counts. The model's own is not traced then: a step of a
validation is traced once, as it is without us. It is traced when the program evaluates by itself.
"""

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture import batch
from flatline.capture.blame import END_OF_DATA, is_theirs
from flatline.capture.dice import refuse_dice
from flatline.capture.edition import is_legacy
from flatline.capture.head import Head, read_head
from flatline.capture.patches import replaced
from flatline.capture.side import alone, value_of
from flatline.guard import Guard
from flatline.say import plain, say
from flatline.settings import Settings

_TALLY = "_flatline_tally"
_COLUMNS = ("label_count", "prediction_count", "correct_count")
COUNTS = tuple(f"{name}s" for name in _COLUMNS)
"""What is counted of a pass, by the names of message Evaluation."""
_NESTED = 3
"""How deep within a function a traced one is looked for: where Keras has it, and one deeper."""


class Tally:
    """Stands in for a model's test function during one pass after the other, and counts.

    What it raises is the program's own. Where we cannot count, the pass goes on all the same.
    """

    def __init__(self, model: Any, head: Head) -> None:
        self.head = head
        self.guard = Guard("the counting of classes in validations")
        self.bare: Callable[[Any], Any] = model.test_function
        self.refused = False
        """Whether our function could not even be made."""
        self._model = model  # that function keeps the model alive anyway, and the model this
        self._original_step: Callable[[Any], Any] = model.test_step
        self._eager, self._xla = bool(model.run_eagerly), bool(model.jit_compile)
        self._seen: tuple[Any, Any] | None = None
        self._total: Any = None
        self._whole = True
        """Whether every batch could be counted that was ever traced."""
        self._succeeded = False
        self._patches: ExitStack | None = None
        self._function = self._build(model)

    def begin(self) -> None:
        """Count from 0, in place of the model's test function, until `end` or `remove`."""
        self.remove()
        if self._total is not None:
            self._total.assign(np.zeros(self._total.shape, np.int64))
        # Set past Keras's __setattr__, which would track them.
        object.__setattr__(self._model, "test_function", self)
        self._patches = ExitStack()
        self._patches.enter_context(
            replaced(self._model, "make_test_function", self._make_test_function)
        )

    def end(self) -> dict[str, list[int]]:
        """Leave the model as it was; return the COUNTS, none where not all of it was counted."""
        installed = self._patches is not None
        self.remove()
        if not installed or self._total is None or self.guard.broken or not self._whole:
            return {}
        total = np.asarray(value_of(self._total))
        if not total.any():
            return {}
        if len(total) == total.shape[1]:
            total = np.stack([total.sum(1), total.sum(0), np.diagonal(total)])
        return {name: row.tolist() for name, row in zip(COUNTS, total, strict=True)}

    def remove(self) -> None:
        """Leave the model as it was; a second time does nothing."""
        patches, self._patches = self._patches, None
        if patches is not None:
            patches.close()
        if self._model.test_function is self:
            object.__setattr__(self._model, "test_function", self.bare)

    def __call__(self, iterator: Any) -> Any:
        """Take the next step(s) of the pass; return the logs."""
        try:
            # Keras before 3.7 looks the step up when it is traced.
            with replaced(self._model, "test_step", self._test_step):
                logs = self._function(iterator)
        except END_OF_DATA:
            raise
        except BaseException as error:
            self.remove()
            theirs = is_theirs(error, eager=self._eager, xla=self._xla)
            if self._succeeded or theirs or not isinstance(error, Exception):
                raise
            # A failure of the program comes again from its own function. Only under XLA, which
            # compiles when it has taken the batch already, is that batch left out.
            logs = self.bare(iterator)
            self.refused = True
            say(f"classes of validations are not counted: {plain(str(error), 200)}")
            return logs
        self._succeeded = True
        return logs

    def _make_test_function(self, force: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras's
        """Stand in for the model's own; who calls it begins a pass within the pass.

        Those two cannot be told apart any more, nor can they in the metrics.
        """
        self.remove()
        return self._model.make_test_function(force)

    def _build(self, model: Any) -> Callable[[Any], Any]:
        with replaced(model, "test_step", self._test_step):
            try:
                model.test_function = None
                model.make_test_function()
                function: Callable[[Any], Any] = model.test_function
            finally:
                model.test_function = self.bare
        return function

    def _test_step(self, data: Any) -> Any:
        """Stand in for the model's test_step while our function is traced."""
        graph, self._seen = tf.compat.v1.get_default_graph(), None
        compute_loss = self._model.compute_loss

        def seen(*args: Any, **kwargs: Any) -> Any:
            with self.guard:
                given = {**dict(zip(("x", "y", "y_pred"), args, strict=False)), **kwargs}
                # What is computed within a tf.cond or a loop cannot leave it.
                if tf.compat.v1.get_default_graph() is graph:
                    self._seen = given.get("y"), given.get("y_pred")
            return compute_loss(*args, **kwargs)

        with replaced(self._model, "compute_loss", seen):
            logs = self._original_step(data)
        refuse_dice(graph)
        with self.guard:
            self._count()
        return logs

    def _count(self) -> None:
        """Add to the graph: add the batch to what was counted."""
        found, self._seen = self._seen, None
        columns = {} if found is None else _counted(self.head, *found)
        counts = columns.get("confusion")
        if counts is None and all(name in columns for name in _COLUMNS):
            counts = tf.stack([columns[name] for name in _COLUMNS])
        shape = None if counts is None else counts.shape
        if self._total is None and self._whole and shape is not None:
            alone(lambda: self._create(shape))
        if self._total is None or shape != self._total.shape:
            self._whole = False
        else:
            self._total.assign_add(tf.cast(counts, tf.int64))

    def _create(self, shape: Any) -> None:
        self._total = tf.Variable(np.zeros(shape, np.int64), trainable=False)


def tally_of(model: Any, settings: Settings) -> Tally | None:
    """Return what counts the classes of a model's validations; None: they cannot be counted.

    It lives on the model's bare test function: a second pass, and a second fit, use it again.
    """
    if is_legacy(model):
        return None  # Keras 2 has taken its test function before it calls us
    head, bare = read_head(model, settings.task), model.test_function
    if not _has_classes(head) or model.distribute_strategy.num_replicas_in_sync > 1:
        return None
    if settings.xla_exact and model.jit_compile:
        return None
    tally = getattr(bare, _TALLY, None)
    if not isinstance(tally, Tally) or tally.head != head:
        tally = Tally(model, head)
        with contextlib.suppress(AttributeError):
            setattr(bare, _TALLY, tally)
        if _is_traced(bare):
            tally.refused = True
            say("classes of validations are not counted: the model was evaluated before this fit")
    return None if tally.refused else tally


def _has_classes(head: Head) -> bool:
    if head.kind not in {"softmax", "sigmoid"} or head.task == "multilabel":
        return False
    return head.class_count is None or head.class_count <= batch.CLASSES_MAX


def _counted(head: Head, y: Any, y_pred: Any) -> dict[str, Any]:
    return {column.name: column.tensor for column in batch.target_columns(head, y, y_pred)}


def _is_traced(function: Any, depth: int = _NESTED) -> bool:
    """Say whether a function, or one that it is made of, was traced: a second trace takes time.

    It could even come out differently, where the model was changed in between without `compile`.
    """
    count = getattr(function, "experimental_get_tracing_count", None)
    if callable(count):
        return bool(count())
    for cell in (getattr(function, "__closure__", None) or ()) if depth else ():
        with contextlib.suppress(ValueError):  # it may be empty
            if _is_traced(cell.cell_contents, depth - 1):
                return True
    return False
