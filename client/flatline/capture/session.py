"""One run as it is trained by Keras: what happens at its hooks."""

import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import tensorflow as tf

from flatline.capture.dispatch import Dispatcher
from flatline.capture.edition import counts_samples, stacks_replicas
from flatline.capture.evaluation import COUNTS, Tally, tally_of
from flatline.capture.fit import Fit, describe, list_of_callbacks, model_of, read_fit
from flatline.capture.head import Head, read_head
from flatline.capture.install import Installation, tracer_of
from flatline.capture.optimizer import build_optimizer, loss_samples
from flatline.capture.recorder import Recorder, Sink
from flatline.capture.sampler import Sampler
from flatline.guard import Guard
from flatline.model import Model
from flatline.redact import words_of
from flatline.rows import Description, Ending
from flatline.say import say
from flatline.settings import Settings


class Run(Sink, Protocol):
    """What is asked of flatline.Run."""

    def evaluate(self, step: int, *, epoch: int = 0, n: int | None = None, **results: Any) -> None:
        """Take the results of one pass over a validation set: metrics, and counts of classes."""

    def reopen(self, description: Description) -> None:
        """Go on with a further fit."""

    def describe(self, description: Description) -> None:
        """Say more of the fit that is running."""

    def set_model(self, model: Model) -> None:
        """Tell what is known of the fit before it has learned anything."""

    before_exit: Callable[[], None]
    """Called before the run is ended because the program ends."""

    def finish(
        self,
        status: Any = "finished",
        *,
        exception_type: str = "",
        exception_text: str = "",
        step: Any = None,
    ) -> None:
        """Say how the run ended."""


class Session:
    """A run and the model that it trains, over all fits of that model."""

    def __init__(self, settings: Settings, open_run: Callable[[Description], Run]) -> None:
        self._settings = settings
        self._open_run = open_run
        self._model: Callable[[], Any] = lambda: None
        self._run: Run | None = None
        self._recorder: Recorder | None = None
        self._installation: Installation | None = None
        self._epoch = 0
        self._test_step: int | None = None
        self._counting = Guard("the counting of classes in validations")
        self._reading = Guard("the reading of the model")
        self._told: Model | None = None
        self._tally: Tally | None = None

    def trains(self, model: Any) -> bool:
        """Say whether it is this model that the run trains."""
        return self._model() is model

    def begin_fit(self, model: Any, params: Mapping[str, Any] | None) -> None:
        """Open the run, or open it again; from now on the model's steps are seen."""
        if not callable(model.train_function):
            model.make_train_function()  # as the first train_on_batch would
        if isinstance(model.train_function, Dispatcher):
            say("another callback measures this model already; this one does nothing")
            return
        if getattr(model, "autotune_steps_per_execution", False):
            say("steps_per_execution='auto' is not measured: give it a number")
            return
        self._model = weakref.ref(model)
        head, fit = read_head(model, self._settings.task), read_fit(model, params)
        steps = 0 if self._recorder is None else self._recorder.steps
        description = describe(fit, head, steps)
        if self._run is None or self._recorder is None:
            self._run = self._open_run(description)
            self._recorder = Recorder(self._run, self._sampler(model))
            self._run.before_exit = self._flush
        else:
            self._run.reopen(description)
        build_optimizer(model)
        tracer = tracer_of(model, head)
        self._recorder.begin_fit(model, tracer, fit)
        self._tell_model(fit)
        dispatcher = Dispatcher(model, tracer, self._recorder, self.fail)
        self._installation = Installation(model, dispatcher, self.abandon)
        complete = bool(model.built)
        self._recorder.on_first_step = lambda: self._complete(head, fit, steps, told=complete)
        self._watch_fit()

    def begin_epoch(self, epoch: int) -> None:
        """Take note of the epoch, as Keras numbers it."""
        if self._recorder is not None and self._installation is not None:
            self._epoch = epoch
            self._recorder.begin_epoch(epoch)

    def end_epoch(self) -> None:
        """Take note that the epoch is over, its validation included."""
        if self._recorder is not None and self._installation is not None:
            self._recorder.end_epoch()

    def begin_test(self) -> None:
        """Take note of the step, and count; the pass will start the loss tracker anew."""
        if self._recorder is not None and self._installation is not None:
            self._recorder.end_epoch()
            self._test_step = self._recorder.steps
            self._count()

    def end_test(self, logs: Mapping[str, Any] | None) -> None:
        """Send the results of a validation within the fit; any other is none of ours."""
        step, self._test_step = self._test_step, None
        counts, model = self._counted(), self._model()
        if step is None or self._run is None or model is None:
            return
        reserved = {"step", "epoch", "n", "self", *COUNTS}
        metrics = {name: float(value) for name, value in (logs or {}).items() if _is_number(value)}
        samples = loss_samples(model) if counts_samples(model) else None
        self._run.evaluate(
            step,
            epoch=self._epoch,
            n=int(samples) if samples and math.isfinite(samples) else None,
            **{name: value for name, value in metrics.items() if name not in reserved},
            **counts,
        )

    def end_fit(self) -> None:
        """Leave the model, and say that the run is finished."""
        if self._uninstall():
            self._finish(Ending())

    def abandon(self) -> None:
        """Take it that an exception outside of the steps ended the fit, unless it has ended."""
        with Guard("the end of the run"):
            if self._uninstall():
                self._finish(Ending("interrupted"))

    def _complete(self, head: Head, fit: Fit, steps: int, *, told: bool) -> None:
        """Tell what only the first step has shown: a model that was not built before."""
        seen = read_head(self._model(), self._settings.task)
        if seen != head and self._run is not None:
            self._run.describe(describe(fit, seen, steps))
        if not told:
            self._tell_model(fit)

    def _tell_model(self, fit: Fit) -> None:
        """Tell what the program has built, compiled and given to the fit, unless that was told."""
        with self._reading:
            model = model_of(self._model(), fit)
            if model != self._told and self._run is not None and not self._reading.broken:
                self._told = model
                self._run.set_model(model)

    def _watch_fit(self) -> None:
        """Notice that a fit was left by an exception between two steps.

        Keras calls no hook then; but the list of callbacks is a local variable of `fit`, and is
        gone when nobody can come back to it.
        """
        callbacks = list_of_callbacks()
        if callbacks is not None:
            left = weakref.finalize(callbacks, self.abandon)
            left.atexit = False

    def _flush(self) -> None:
        if self._recorder is not None and self._installation is not None:
            with Guard("the last steps of the run"):
                self._recorder.end_fit()

    def fail(self, error: BaseException) -> None:
        """Take it that this exception is ending the fit, from within a step."""
        with Guard("the end of the run"):
            if not self._uninstall():
                return
            status = "failed" if isinstance(error, Exception) else "interrupted"
            self._finish(Ending(status, type(error).__name__, words_of(error)))

    def _count(self) -> None:
        """Count the classes of the pass that begins, where they can be counted."""
        self._counted()
        if not self._counting.broken:
            with self._counting:
                self._tally = tally_of(self._model(), self._settings)
                if self._tally is not None:
                    self._tally.begin()

    def _counted(self) -> dict[str, list[int]]:
        """Return what was counted, and count no more."""
        tally, self._tally = self._tally, None
        with self._counting:
            return {} if tally is None else tally.end()
        return {}

    def _uninstall(self) -> bool:
        self._counted()
        installation, self._installation = self._installation, None
        if installation is not None:
            installation.remove()
        return installation is not None

    def _finish(self, ending: Ending) -> None:
        if self._recorder is None or self._run is None:
            return
        with Guard("the last steps of the run"):
            self._recorder.end_fit()
        self._run.finish(**vars(ending), step=self._recorder.steps)

    def _sampler(self, model: Any) -> Sampler:
        settings = self._settings
        sampler = Sampler(
            settings.overhead,
            settings.allowance_seconds,
            xla=bool(getattr(model, "jit_compile", False)),
        )
        reason = _unsampled(model, xla_exact=settings.xla_exact)
        if reason:
            sampler.on = False
            say(f"only the loss and the metrics are measured: {reason}")
        return sampler


def _unsampled(model: Any, *, xla_exact: bool) -> str:
    """Return why no step of a model can be sampled; empty: they can."""
    if xla_exact and getattr(model, "jit_compile", False):
        return "xla_exact was asked for, and XLA compiles this model"
    strategy = model.distribute_strategy
    if type(strategy) is tf.distribute.MirroredStrategy:
        return "" if stacks_replicas(model) else "so it is under a strategy of this Keras"
    if strategy.num_replicas_in_sync > 1:
        return f"several replicas of {type(strategy).__name__} are not supported yet"
    return ""


def _is_number(value: Any) -> bool:
    """Say whether a log value is one number; a metric may also log an array."""
    return getattr(value, "ndim", 0) == 0 and not isinstance(value, str | bytes)
