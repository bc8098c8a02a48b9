"""Sees what a train step does, while it is traced: its losses, gradients and outputs of layers.

`compute_loss`, the optimizers' `apply` and layers' `call` are wrapped for that time alone.
"""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from flatline.capture.activations import Watched, find_layers, watched_calls
from flatline.capture.edition import is_legacy, unconverted
from flatline.capture.layout import Column
from flatline.capture.losses import loss_columns
from flatline.capture.optimizer import optimizers_of
from flatline.capture.patches import replaced
from flatline.capture.updates import Update, after_apply, before_apply, watched_orders
from flatline.guard import Guard


@dataclass
class Step:
    """What is seen of one train step while it is traced."""

    data: Any
    graph: Any = field(default_factory=tf.compat.v1.get_default_graph)
    losses: list[Column] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)
    updates: list[Update] = field(default_factory=list)
    outputs: dict[int, Any] = field(default_factory=dict)
    """Of layers, by their place among those that are watched; of several calls the first."""

    @property
    def reachable(self) -> bool:
        """Whether tensors of this moment can leave the step: not within a tf.cond or a loop."""
        return self.graph is tf.compat.v1.get_default_graph()


class Observer:
    """Wraps what a model's train step calls, and keeps what it saw in a `Step` for each thread."""

    def __init__(self, model: Any) -> None:
        self.guards = {
            part: Guard(f"the measuring of {part}")
            for part in ("losses", "gradients", "inputs", "targets", "activations")
        }
        self.watched: list[Watched] = []
        """Layers whose outputs are looked at."""
        self._model: Callable[[], Any] = weakref.ref(model)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._patches: ExitStack | None = None
        self._tracing = 0
        self._original_loss: Callable[..., Any] = model.compute_loss

    @contextmanager
    def watching(self, data: Any) -> Iterator[Step]:
        """See what this thread does with the data; the model is as it was afterwards."""
        step = self._local.step = Step(data)
        self._enter()
        try:
            yield step
        finally:
            self._local.step = None
            self._leave()

    def _enter(self) -> None:
        """Wrap what a step calls; replicas trace in threads of their own, the first one wraps."""
        with self._lock:
            self._tracing += 1
            if self._tracing > 1:
                return
            model = self._model()
            self._original_loss = model.compute_loss
            self._patches = stack = ExitStack()
            stack.enter_context(replaced(model, "compute_loss", self._compute_loss))
            for optimizer in optimizers_of(model):
                name = "apply_gradients" if is_legacy(optimizer) else "apply"
                wrap = self._apply_gradients_of if is_legacy(optimizer) else self._apply_of
                wrapped = wrap(optimizer, getattr(optimizer, name))
                stack.enter_context(replaced(optimizer, name, wrapped))
            with self.guards["activations"]:
                self.watched = find_layers(model)
                stack.enter_context(watched_calls(self.watched, self._see_output))

    def _leave(self) -> None:
        with self._lock:
            self._tracing -= 1
            if self._tracing == 0 and self._patches is not None:
                self._patches.close()
                self._patches = None

    @unconverted
    def _compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = self._original_loss(*args, **kwargs)
        with self.guards["losses"]:
            step = getattr(self._local, "step", None)
            if step is not None and step.reachable:
                names = ("x", "y", "y_pred", "sample_weight")
                step.arguments = {**dict(zip(names, args, strict=False)), **kwargs}
                # Now, before the update: a regulariser asked later tells of the new weights.
                step.losses = loss_columns(self._model(), loss, step.arguments)
        return loss

    def _see_output(self, place: int, output: Any) -> None:
        with self.guards["activations"]:
            step = getattr(self._local, "step", None)
            if step is not None and step.reachable:
                step.outputs.setdefault(place, output)

    def _apply_of(self, optimizer: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        guard = self.guards["gradients"]

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            step = getattr(self._local, "step", None)
            if step is None or guard.broken or not step.reachable:
                return original(grads, trainable_variables)
            grads, update = list(grads), None
            given = None if trainable_variables is None else list(trainable_variables)
            with guard:
                variables = _own_variables(optimizer) if given is None else given
                if not is_legacy(optimizer) and not optimizer.built:
                    optimizer.build(variables)  # else its variables would be made among our ops
                update = before_apply(optimizer, grads, variables)
            if update is None:
                return original(grads, given)
            with watched_orders(optimizer, update):
                result = original(grads, given)
            with guard:
                after_apply(optimizer, update)
                step.updates.append(update)
            return result

        return apply

    def _apply_gradients_of(
        self, optimizer: Any, original: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Wrap what Keras 2 has in place of `apply`: it is given pairs."""

        @unconverted
        def apply_gradients(grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            def apply(gradients: Any, variables: Any) -> Any:
                return original(list(zip(gradients, variables, strict=True)), *args, **kwargs)

            pairs = list(grads_and_vars)
            gradients, variables = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            return self._apply_of(optimizer, apply)(gradients, variables)

        return apply_gradients


def _own_variables(optimizer: Any) -> list[Any]:
    """Return what `apply` falls back to when it is given no variables."""
    return list(optimizer._trainable_variables)  # noqa: SLF001 - Keras shows them nowhere else
