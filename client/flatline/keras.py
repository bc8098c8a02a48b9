"""Monitors `model.fit`: `model.fit(..., callbacks=[flatline.keras.MonitorCallback()])`."""

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from flatline.findings import Found
from flatline.guard import Guard
from flatline.rows import Description
from flatline.run import Run
from flatline.say import say
from flatline.settings import resolve
from flatline.verdicts import Verdict

_LEGACY = os.environ.get("TF_USE_LEGACY_KERAS") in {"1", "true", "True"}
"""Whether `tf.keras` is Keras 2: the words are those that TensorFlow takes."""

try:
    if _LEGACY and importlib.util.find_spec("tf_keras") is not None:
        import tf_keras as keras
    else:
        import keras
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise
    MESSAGE = "flatline.keras needs Keras and TensorFlow: pip install 'flatline[tensorflow]'"
    raise ModuleNotFoundError(MESSAGE, name="keras") from None

if keras.backend.backend() == "tensorflow":
    # Here, beside the import of TensorFlow, and not while somebody waits for the first step.
    # Whoever has Keras on another backend need not have TensorFlow.
    from flatline.capture.session import Session


class _Text(str):
    """A default: the same text given by the caller wins over the environment, this does not."""

    __slots__ = ()


class _Number(float):
    """A default: the same number given by the caller wins over the environment, this does not."""

    __slots__ = ()


class MonitorCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Streams a training to the flatline monitor, and prints what it finds.

    Training comes first: it is never changed, blocked or broken, whether or not there is a
    monitor. Measuring may take `allowance_seconds` in the whole run, so that short runs are
    measured on every step, and the share `overhead` of the time after that. Besides them there
    is the tracing of one more train function, and some 10 to 20 microseconds a step.

    Every argument can also be set by an environment variable, FLATLINE_TARGET, FLATLINE_OVERHEAD
    and so on; an argument that is given wins. A wrong argument raises ValueError.

    It takes models of Keras 3, of Keras 2 and of `tf_keras`.

    The weights are the same bit for bit as without it, but for one case: under XLA
    (`jit_compile`, the default on a GPU) a sampled step is another fusion of the same arithmetic
    and may differ in the last bit.
    """

    async_safe = True
    """Steps are counted in the train function; no hook of a batch is overridden."""
    _supports_tf_logs = True
    """For Keras 2: the values of logs may be tensors."""

    def __init__(  # noqa: PLR0913 - each has a default; they are the user's settings
        self,
        target: str | None = _Text("127.0.0.1:7511"),
        *,
        name: str | None = None,
        project: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        overhead: float | None = _Number(0.01),
        allowance_seconds: float | None = _Number(2.0),
        xla_exact: bool | None = None,
        task: str | None = _Text("auto"),
        quiet: Sequence[str] = (),
        mode: str | None = _Text("online"),
    ) -> None:
        super().__init__()
        self.settings = resolve(
            target=_given(target),
            name=name,
            project=project,
            tags=tags,
            run_id=run_id,
            overhead=_given(overhead),
            allowance_seconds=_given(allowance_seconds),
            xla_exact=xla_exact,
            task=_given(task),
            quiet=quiet or None,
            mode=_given(mode),
        )
        self._guard = Guard("the Keras callback")
        self._session: Session | None = None
        self._run: Run | None = None

    @property
    def run_id(self) -> str | None:
        """Id of the run that is or was monitored last; None: none has begun."""
        return None if self._run is None else self._run.run_id

    @property
    def findings(self) -> tuple[Found, ...]:
        """What the monitor found in that run so far, oldest first."""
        return () if self._run is None else self._run.findings

    @property
    def verdict(self) -> Verdict | None:
        """How that run is, as the monitor said it last; None: it has said nothing."""
        return None if self._run is None else self._run.verdict

    @contextmanager
    def watch(self, model: Any, *, steps: int | None = None) -> Iterator[Self]:
        """Monitor a loop of `model.train_on_batch`: what happens within the `with` block.

        `steps` is how many calls are planned; without it, alerts that wait for a share of the
        plan wait for a number of steps instead.
        """
        self.set_model(model)
        self.set_params({"steps": steps})
        self.on_train_begin()
        try:
            yield self
        except BaseException as error:
            if self._session is not None:
                self._session.fail(error)
            raise
        self.on_train_end()

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's
        """Open the run, and stand in for the train function."""
        if self.settings.mode == "disabled":
            return
        with self._guard:
            if keras.backend.backend() != "tensorflow":
                backend = keras.backend.backend()
                say(f"Keras runs on {backend}; only tensorflow can be monitored, so nothing is")
                return
            self._begin()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras's
        """Take note of the epoch."""
        if self._session is not None:
            with self._guard:
                self._session.begin_epoch(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras's
        """Send what a slow epoch has gathered."""
        if self._session is not None:
            with self._guard:
                self._session.end_epoch()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's
        """Take note of the step at which a validation begins."""
        if self._session is not None:
            with self._guard:
                self._session.begin_test()

    def on_test_end(self, logs: Any = None) -> None:
        """Send the results of a validation."""
        if self._session is not None:
            with self._guard:
                self._session.end_test(logs)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras's
        """Leave the model as it was, and finish the run."""
        if self._session is not None:
            with self._guard:
                self._session.end_fit()

    def _implements_no_batch_hooks(self) -> bool:
        """Answer a Keras 2 of which this is no callback by class: `tf_keras` beside Keras 3."""
        return False

    _implements_train_batch_hooks = _implements_no_batch_hooks
    _implements_test_batch_hooks = _implements_no_batch_hooks
    _implements_predict_batch_hooks = _implements_no_batch_hooks

    def _begin(self) -> None:
        session = self._session
        if session is None or not session.trains(self.model):
            if session is not None:
                session.abandon()
            session = self._session = Session(self.settings, self._open)
        session.begin_fit(self.model, self.params)

    def _open(self, description: Description) -> Any:
        """Open the run that rows are offered to."""
        settings = self.settings
        self._run = Run(
            settings.target,
            name=settings.name,
            project=settings.project,
            tags=settings.tags,
            run_id=settings.run_id,
            mode=settings.mode,
            quiet=settings.quiet,
            description=description,
        )
        return self._run

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings alone: a copy, as tuners make them, monitors a run of its own."""
        dropped = {"_guard", "_session", "_run", "_model"}
        return {name: value for name, value in vars(self).items() if name not in dropped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__init__()
        self._guard = Guard("the Keras callback")
        self._session = None
        self._run = None
        self.__dict__.update(state)


def _given(value: Any) -> Any:
    """Return what the caller gave; None: nothing."""
    return None if isinstance(value, _Text | _Number) else value
