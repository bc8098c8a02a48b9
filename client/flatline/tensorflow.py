"""Measures the updates of a loop of your own in TensorFlow: `flatline.tensorflow.watch`."""

import types
import weakref
from collections.abc import Callable
from typing import Any, Self

from flatline import checks
from flatline.run import Run

try:
    import keras
    import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name not in {"keras", "tensorflow"}:
        raise
    MESSAGE = "flatline.tensorflow needs TensorFlow and Keras: pip install 'flatline[tensorflow]'"
    raise ModuleNotFoundError(MESSAGE, name=error.name) from None

from flatline.capture.meter import is_variable
from flatline.capture.watcher import Watcher
from flatline.say import say, shown
from flatline.settings import checked


def watch(
    what: Any,
    *,
    run: Run,
    every: int | None = None,
    overhead: float = 0.01,
    allowance_seconds: float = 2.0,
) -> Any:
    """Measure what an optimizer or a tape does, and add it to the steps that `run.log` tells.

    Of an optimizer of Keras 3: the norms of gradients (unscaled, before clipping), weights and
    updates, the learning rate, the loss scale and how much was clipped. Returns a `Watch`; leaving
    it as a context manager, its `unwatch` or the end of the run restore the optimizer. Call it
    before the tf.function that trains is called first: what was traced before is not measured.

        with flatline.Run() as run, flatline.tensorflow.watch(optimizer, run=run):
            for step, (x, y) in enumerate(batches):
                run.log(step, loss=train_step(x, y))

    Of a tf.GradientTape the norms of what `gradient` returns for variables. Returns the tape:

        with flatline.tensorflow.watch(tf.GradientTape(), run=run) as tape:
            loss = ...
        gradients = tape.gradient(loss, variables)

    A row belongs to the step that is logged next. Several optimizers, or several variables of
    one, make one row together; where `log` is called every k steps, the row is of the last of them.

    What is not measured is skipped within the traced function. `every` measures each so manieth
    logged step; without it a run is measured on every step for `allowance_seconds` of its time,
    and after that takes the share `overhead` of it, skipped steps apart. With 8 variables a skipped
    step costs some 30 to 50 microseconds and a measured one some 300; with 100 variables some 10 %
    and 40 % of a step of 6 milliseconds.

    The training is not changed: weights are the same bit for bit, but for XLA (`jit_compile`),
    where another fusion of the same arithmetic may differ in the last bit. Under a distribution
    strategy of several replicas nothing is measured.
    """
    settings = (_every(every), checked("overhead", overhead))
    allowance = checked("allowance_seconds", allowance_seconds)
    is_tape = isinstance(what, tf.GradientTape)
    if not is_tape and not isinstance(what, keras.optimizers.Optimizer):
        message = f"watch {checks.wrong(what, 'an optimizer of Keras 3 or a tf.GradientTape')}"
        raise ValueError(message)
    if not isinstance(run, Run):
        message = f"run {checks.wrong(run, 'a flatline.Run')}"
        raise ValueError(message)  # noqa: TRY004 - all wrong arguments raise the same
    watcher = _watcher_of(run, *settings, allowance)
    if is_tape:
        if watcher is not None:
            vars(what)["gradient"] = _Gradient(what, watcher)
        return what
    return Watch(what, watcher)


class Watch:
    """An optimizer that is being watched, until it is left or `unwatch` is called."""

    def __init__(self, optimizer: Any, watcher: Watcher | None) -> None:
        self._apply: _Apply | None = None
        if watcher is None:
            return
        known = vars(optimizer).get("apply")
        if isinstance(known, _Apply) and known.watcher is watcher and known.on:
            self._apply = known
        else:
            self._apply = _Apply(optimizer, watcher)
            # Past __setattr__, because Keras tracks what is set on its objects.
            vars(optimizer)["apply"] = self._apply
            watcher.at_stop(self.unwatch)

    def unwatch(self) -> None:
        """Let the optimizer be as it was; what was traced goes on unmeasured."""
        if self._apply is not None:
            self._apply.restore()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.unwatch()


class _Apply:
    """Stands in for the method `apply` of one optimizer.

    AutoGraph may convert the call, as it would convert an `apply` of the program's own that is
    called in it, and nothing of ours below it.
    """

    def __init__(self, optimizer: Any, watcher: Watcher) -> None:
        self.watcher = watcher
        self.on = True
        self._optimizer = weakref.ref(optimizer)
        self._own = vars(optimizer).get("apply")
        self._meters: set[Any] = set()

    def __call__(self, grads: Any, trainable_variables: Any = None, *rest: Any, **more: Any) -> Any:
        optimizer, guard = self._optimizer(), self.watcher.guard
        original = self._original(optimizer)
        given = trainable_variables
        if given is not None and not isinstance(given, list | tuple):
            given = list(given)
        if not self.on or guard.broken or not isinstance(grads, list | tuple):
            return original(grads, given, *rest, **more)
        measured = None
        with guard:
            measured = self._before(optimizer, grads, given)
        if measured is None:
            return original(grads, given, *rest, **more)
        meter, due, update, orders = measured
        with orders:
            result = original(grads, given, *rest, **more)
        with guard:
            meter.after(due, optimizer, update)
        return result

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _before(self, optimizer: Any, grads: Any, given: Any) -> Any:
        """Measure what there is before the update; None: nothing is to be measured."""
        if _unmeasurable(self.watcher):
            return None
        if given is None:
            if not optimizer.built:
                return None  # Keras raises
            variables = list(optimizer._trainable_variables)  # noqa: SLF001 - shown nowhere else
        else:
            variables = list(given)
        if not optimizer.built:
            optimizer.build(variables)  # else its variables would be made among our operations
        concerned = [v for g, v in zip(grads, variables, strict=False) if g is not None]
        if not concerned:
            return None
        meter = self.watcher.meter(optimizer, concerned)
        self._meters.add(meter)
        return meter.before_update(optimizer, grads, variables)

    def restore(self) -> None:
        """Put back what was there, unless somebody else has put something over it."""
        optimizer, self.on = self._optimizer(), False
        for meter in self._meters:
            self.watcher.drop(meter)
        self._meters.clear()
        if optimizer is None or vars(optimizer).get("apply") is not self:
            return
        if self._own is None:
            del vars(optimizer)["apply"]
        else:
            vars(optimizer)["apply"] = self._own

    def _original(self, optimizer: Any) -> Callable[..., Any]:
        return self._own or types.MethodType(type(optimizer).apply, optimizer)


class _Gradient:
    """Stands in for the method `gradient` of one tape."""

    def __init__(self, tape: Any, watcher: Watcher) -> None:
        self._tape: Callable[[], Any] = weakref.ref(tape)
        self._watcher = watcher

    def __call__(self, target: Any, sources: Any, *rest: Any, **more: Any) -> Any:
        tape, guard = self._tape(), self._watcher.guard
        result = type(tape).gradient(tape, target, sources, *rest, **more)
        if not guard.broken:
            with guard:
                self._measure(sources, result)
        return result

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _measure(self, sources: Any, gradients: Any) -> None:
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(
                tf.nest.flatten(gradients), tf.nest.flatten(sources), strict=True
            )
            if gradient is not None and is_variable(variable)
        ]
        if pairs and not _unmeasurable(self._watcher):
            arrays, variables = [g for g, _ in pairs], [v for _, v in pairs]
            meter = self._watcher.meter("tape", variables)
            meter.gradients(meter.due(), arrays, variables)


def _watcher_of(
    run: Run, every: int | None, overhead: float, allowance_seconds: float
) -> Watcher | None:
    """Return the run's watcher, which the first watch of it makes; None: the run says nothing."""
    if not run.is_open:
        return None
    if not isinstance(run.steps.source, Watcher):
        run.steps.source = Watcher(every, overhead, allowance_seconds)
    return run.steps.source


def _unmeasurable(watcher: Watcher) -> bool:
    """Whether this is a place whose measurements would not come out whole; that is said once."""
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        why = "under a distribution strategy of several replicas"
    elif not tf.executing_eagerly() and not tf.inside_function():
        why = "in a graph that is no tf.function"
    else:
        return False
    if not watcher.silent:
        watcher.silent = True
        say(f"watch() does not measure {why}; training goes on without it")
    return True


def _every(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and value >= 1):
        return value
    message = f"every is {shown(value)}; it must be a whole number, 1 or more"
    raise ValueError(message)
