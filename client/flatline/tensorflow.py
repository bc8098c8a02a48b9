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

from flatline.capture.meter import Meter, is_variable, replicas
from flatline.capture.twin import traced_functions
from flatline.capture.watcher import Watcher
from flatline.say import shown
from flatline.settings import Settings, resolve

_functions: "weakref.WeakKeyDictionary[Any, weakref.WeakSet[Any]]" = weakref.WeakKeyDictionary()
"""Where each optimizer is called that was ever watched: they are not traced again for a new run."""


def watch(  # noqa: PLR0913 - each is a setting with a name of its own
    what: Any,
    *,
    run: Run,
    every: int | None = None,
    overhead: float | None = None,
    allowance_seconds: float | None = None,
    xla_exact: bool | None = None,
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

    A tf.function is traced a second time, after its first call, and sampled steps go to that
    trace; in all others there is nothing of flatline. `overhead`, `allowance_seconds` and
    `xla_exact` mean what they mean to the Keras callback, and have the same defaults and
    FLATLINE_* variables. `every` has each so manieth logged step sampled instead. The monitor may
    wish for some more, and so does a gradient that is not finite.

    The training is not changed: weights are the same bit for bit, but for XLA (`jit_compile`),
    where another fusion of the same arithmetic may differ in the last bit of a sampled step. A
    function that draws from tf.random with a seed is traced once, with a branch, which costs each
    step some time. Of distribution strategies of several replicas MirroredStrategy is measured,
    within a tf.function; of others, that they are not is said.
    """
    every = _every(every)
    settings = resolve(overhead=overhead, allowance_seconds=allowance_seconds, xla_exact=xla_exact)
    is_tape = isinstance(what, tf.GradientTape)
    if not is_tape and not isinstance(what, keras.optimizers.Optimizer):
        message = f"watch {checks.wrong(what, 'an optimizer of Keras 3 or a tf.GradientTape')}"
        raise ValueError(message)
    if not isinstance(run, Run):
        message = f"run {checks.wrong(run, 'a flatline.Run')}"
        raise ValueError(message)  # noqa: TRY004 - all wrong arguments raise the same
    watcher = _watcher_of(run, every, settings)
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
        """Let the optimizer be as it was, and the functions that it is called in."""
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
        self._optimizer: Callable[[], Any] = weakref.ref(optimizer)
        self._own = vars(optimizer).get("apply")
        self._meters: list[Meter] = []
        with watcher.guard:
            watcher.divert(list(_functions.get(optimizer, ())))

    def __call__(self, grads: Any, trainable_variables: Any = None, *rest: Any, **more: Any) -> Any:
        watcher, given = self.watcher, trainable_variables
        original = self._original()
        if given is not None and not isinstance(given, list | tuple):
            given = list(given)
        place = None
        if self.on and not watcher.guard.broken and isinstance(grads, list | tuple):
            with watcher.guard:
                place = self._place(grads, given)
        if place is None:
            return original(grads, given, *rest, **more)
        meter, due, variables = place
        before = None
        with watcher.guard:
            before = meter.before(due, self._optimizer(), grads, variables)
        if before is None:
            return original(grads, given, *rest, **more)
        branch, update, orders = before
        with orders:
            result = original(grads, given, *rest, **more)
        with watcher.guard:
            meter.after(branch, self._optimizer(), update)
        return result

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def _place(self, grads: Any, given: Any) -> tuple[Meter, Any, list[Any]] | None:
        """Return what measures this call, whether it is to, and of which variables; None: not."""
        optimizer, watcher = self._optimizer(), self.watcher
        if (tf.executing_eagerly() and not watcher.due) or _unmeasurable(watcher):
            return None
        if given is None and not optimizer.built:
            return None  # Keras raises
        variables = list(optimizer._trainable_variables if given is None else given)  # noqa: SLF001
        concerned = [v for g, v in zip(grads, variables, strict=False) if g is not None]
        if not concerned:
            return None
        due = watcher.place(lambda: self._meter(concerned))
        if due is False:
            _functions.setdefault(optimizer, weakref.WeakSet()).update(traced_functions())
            return None
        if not optimizer.built:
            with keras.name_scope(optimizer.name, caller=optimizer):
                optimizer.build(variables)  # else its variables would be made among our operations
        return self._meter(concerned), due, variables

    def restore(self) -> None:
        """Put back what was there, unless somebody else has put something over it."""
        optimizer, self.on = self._optimizer(), False
        self.watcher.drop(self._meters)
        self._meters = []
        if optimizer is None or vars(optimizer).get("apply") is not self:
            return
        if self._own is None:
            del vars(optimizer)["apply"]
        else:
            vars(optimizer)["apply"] = self._own

    def _meter(self, variables: list[Any]) -> Meter:
        meter = self.watcher.meter(self._optimizer(), variables)
        if meter not in self._meters:
            self._meters.append(meter)
        return meter

    def _original(self) -> Callable[..., Any]:
        optimizer = self._optimizer()
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
        watcher = self._watcher
        if (tf.executing_eagerly() and not watcher.due) or _unmeasurable(watcher, tape=True):
            return
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(
                tf.nest.flatten(gradients), tf.nest.flatten(sources), strict=True
            )
            if gradient is not None and is_variable(variable)
        ]
        if not pairs:
            return
        arrays, variables = [g for g, _ in pairs], [v for _, v in pairs]
        meter = watcher.meter("tape", variables)
        due = watcher.place(lambda: meter)
        if due is not False:
            meter.gradients(due, arrays, variables)


def _watcher_of(run: Run, every: int | None, settings: Settings) -> Watcher | None:
    """Return the run's watcher, which the first watch of it makes; None: the run says nothing."""
    if not run.is_open:
        return None
    if not isinstance(run.steps.source, Watcher):
        run.steps.source = Watcher(every, settings, run.wished)
    return run.steps.source


def _unmeasurable(watcher: Watcher, *, tape: bool = False) -> bool:
    """Say whether this is a place whose measurements would not come out right; that is said."""
    why, strategy = "", tf.distribute.get_strategy()
    if not tf.executing_eagerly() and not tf.inside_function():
        why = "in a graph that is no tf.function"
    elif replicas() > 1:
        if tape:
            why = "the tape of one replica of several: watch the optimizer"
        elif type(strategy) is not tf.distribute.MirroredStrategy:
            why = f"under {type(strategy).__name__}"
        elif tf.executing_eagerly() or tf.distribute.get_replica_context() is None:
            why = "several replicas, other than in a tf.function that strategy.run is called in"
    if why:
        watcher.refuse(why)
    return bool(why)


def _every(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and value >= 1):
        return value
    message = f"every is {shown(value)}; it must be a whole number, 1 or more"
    raise ValueError(message)
