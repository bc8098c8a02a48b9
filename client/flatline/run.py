"""`flatline.Run`: tells the monitor about a training, step by step, from any kind of loop."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from flatline import checks, endings, names
from flatline.cost import Cost
from flatline.delivery import Delivery
from flatline.entry import Reader
from flatline.findings import Found
from flatline.guard import Guard
from flatline.identity import described, identity
from flatline.model import Model
from flatline.norms import named
from flatline.redact import redacted
from flatline.rows import Axes, Chunk, Description, Ending, Health, Rows, Variable
from flatline.say import name
from flatline.settings import resolve
from flatline.steps import Steps
from flatline.verdicts import Verdict

CLOSE_SECONDS = 5.0
"""How long `finish` waits for the monitor to have everything."""


class Run:
    """One run of a training, as the monitor sees it.

    A wrong argument of the constructor raises ValueError; after that nothing raises and nothing
    waits for the monitor, `finish` apart. As a context manager it finishes by itself, as failed if
    the block raises.
    """

    def __init__(  # noqa: PLR0913 - each is a setting with a name of its own
        self,
        target: str | None = None,
        *,
        name: str | None = None,
        project: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        plan_steps: int | None = None,
        variables: Sequence[str | Variable] = (),
        mode: str | None = None,
        quiet: Sequence[str] = (),
        description: Description | None = None,
        task: str | None = None,
        token_file: str | None = None,
    ) -> None:
        settings = resolve(
            target=target,
            name=name,
            project=project,
            tags=tags,
            run_id=run_id,
            mode=mode,
            quiet=quiet or None,
            task=task,
            token_file=token_file,
        )
        arrays = checks.variables(variables)
        plan = described(settings, description, checks.plan_steps(plan_steps))
        self._settings = settings
        self.run_id = settings.run_id or names.make_run_id()
        """What the monitor calls this run."""
        self.before_exit: Callable[[], None] = lambda: None
        """Called before the run is ended because the program ends."""
        self._lock = threading.RLock()
        self._guard = Guard("reporting to the monitor")
        self._taken = 0
        self._finished = self._reported_health = False
        self._cost = Cost()
        self._reader = Reader(self._complain, plan.class_count)
        self.steps = Steps(self._reader, lambda arrays: self.set_axes(Axes(arrays)), self._send)
        """What has been logged and not been sent; `source` measures what is not logged."""
        self._delivery: Delivery | None = None
        if settings.mode != "disabled":
            self._delivery = Delivery(settings, identity(settings, self.run_id), plan)
            endings.opened(self)
        if arrays:
            self.set_axes(Axes(arrays))

    def log(
        self,
        step: int,
        *,
        loss: float | None = None,
        learning_rate: float | None = None,
        epoch: int | None = None,
        sampled: Mapping[str, Any] | None = None,
        **scalars: float,
    ) -> None:
        """Tell one step, counted from 0; a step that goes back is a restart from a checkpoint.

        `sampled` holds columns of message Sampled (proto/flatline/v1/monitor.proto): one number or
        one for each variable, class or output. What is wrong is said once, counted and left out.
        """
        if not self._is_open("log"):
            return
        begin = time.perf_counter()
        with self._guard, self._lock:
            entry = self._reader.entry(
                step,
                epoch=epoch,
                loss=loss,
                learning_rate=learning_rate,
                sampled=sampled,
                scalars=scalars,
            )
            if entry is not None:
                self.steps.add(entry, begin)
            self._meter(begin)

    def log_gradients(
        self,
        gradients: Mapping[str, Any],
        *,
        weights: Mapping[str, Any] | None = None,
        updates: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> None:
        """Tell the L2 norm of each variable's gradient, by its name, in forward order.

        They belong to the step that is logged next, or to `step`, which may be the one logged last:
        steps then wait for theirs. Calls for one step add up. `weights` are the norms after the
        update, `updates` those of the change, by the same names. A name like "dense/kernel" says
        what it is of, `variables` of the constructor can say more. Other names than before are
        another list of variables, and comparisons begin again.
        """
        if not self._is_open("log_gradients"):
            return
        begin = time.perf_counter()
        with self._guard, self._lock:
            norms = named(self._reader, gradients, weights, updates)
            number = None if step is None else self._reader.count("step", step)
            if norms is not None and (step is None or number is not None):
                self.steps.add_norms(number, norms)
            self._meter(begin)

    def evaluate(  # noqa: PLR0913 - each is a field of its own on the wire
        self,
        step: int,
        *,
        epoch: int = 0,
        n: int | None = None,
        label_counts: Iterable[float] | None = None,
        prediction_counts: Iterable[float] | None = None,
        correct_counts: Iterable[float] | None = None,
        **metrics: float,
    ) -> None:
        """Tell the results of one pass over a validation set of `n` samples, after `step` steps.

        In a classification the pass can be counted, with one number for each class, of at most
        256: how many samples have it as their label, how many were predicted to be of it, and how
        many were rightly so. What is wrong is said once, counted and left out.
        """
        if not self._is_open("evaluate"):
            return
        with self._guard, self._lock:
            self.steps.flush(time.perf_counter())
            results = self._reader.evaluation(
                step,
                epoch,
                n,
                metrics,
                label_counts=label_counts,
                prediction_counts=prediction_counts,
                correct_counts=correct_counts,
            )
            if results is not None and self._delivery is not None:
                self._delivery.evaluation(results)

    def finish(
        self,
        status: str = "finished",
        *,
        exception_type: str = "",
        exception_text: str = "",
        step: int | None = None,
    ) -> None:
        """End the run as finished, failed or interrupted; `step` is the number of steps taken.

        Of what the exception says at most 2000 bytes are sent, without what looks like a secret.
        Waits for the monitor to have everything, at most 5 s, and hardly at all where there is no
        monitor. A second call does nothing.
        """
        ending = Ending(status, str(exception_type), redacted(str(exception_text)))
        self._finish(ending, step, CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._finish(endings.how(error), None, CLOSE_SECONDS)

    @property
    def findings(self) -> tuple[Found, ...]:
        """What the monitor found in this run so far, oldest first."""
        return () if self._delivery is None else self._delivery.findings.kept

    @property
    def verdict(self) -> Verdict | None:
        """How the run is, as the monitor said it last; None: it has said nothing."""
        return None if self._delivery is None else self._delivery.verdicts.latest

    # What follows is for flatline.keras and flatline.tensorflow.

    @property
    def is_open(self) -> bool:
        """Whether anything is reported: it is not disabled, and not over."""
        return self._delivery is not None and not self._finished and not self._guard.broken

    def set_axes(self, axes: Axes) -> int:
        """Name the axes of the columns that follow; return the revision to put into Rows."""
        with self._guard, self._lock:
            self.steps.flush(time.perf_counter())
            self.steps.revision += 1
            self.steps.paths = tuple(variable.path for variable in axes.variables)
            self._reader.set_widths(len(axes.variables), len(axes.inputs))
            if self._delivery is not None:
                self._delivery.axes(self.steps.revision, axes)
        return self.steps.revision

    def offer(self, chunk: Chunk) -> None:
        """Send consecutive steps soon; from any thread, without waiting, and never raising."""
        if not self._is_open("offer") or not len(chunk):
            return
        with self._guard, self._lock:
            self._taken = chunk.first_step + len(chunk)
            if self._delivery is not None:
                self._delivery.steps(chunk.rows)

    def reopen(self, description: Description) -> None:
        """Go on after `finish`, with a further fit of the same model."""
        with self._guard, self._lock:
            if self._delivery is not None and self._finished:
                self._finished = False
                self._delivery.reopen(described(self._settings, description))
                endings.opened(self)

    def describe(self, description: Description) -> None:
        """Say more of the fit that is running, once more is known of it."""
        if self._is_open("describe"):
            with self._guard, self._lock:
                if self._delivery is not None:
                    self._delivery.describe(described(self._settings, description))

    def set_model(self, model: Model) -> None:
        """Tell what the program has built, compiled and given to the fit that is running."""
        if self._is_open("set_model"):
            with self._guard, self._lock:
                if self._delivery is not None:
                    self._delivery.model(model)

    def wished(self) -> int:
        """Return how many sampled steps the monitor wishes for, and forget the wish."""
        return 0 if self._delivery is None else self._delivery.voice.wished()

    def report_health(self, health: Health) -> None:
        """Tell how measuring is doing, counted since the run began; it goes along with the rows."""
        with self._guard:
            self._reported_health = True
            if self._delivery is not None:
                self._delivery.health = health

    def end_at_exit(self, ending: Ending, seconds: float) -> None:
        """End the run as the program ends."""
        self.before_exit()
        self._finish(ending, None, min(seconds, CLOSE_SECONDS))

    def forget(self) -> None:
        """Do nothing any more: this is a forked child, and its parent goes on reporting."""
        self._lock = threading.RLock()
        if self._delivery is not None:
            self._delivery.forget()
        # Kept alive: grpc's objects must not be torn down on this side of the fork.
        self._of_the_parent, self._delivery = self._delivery, None

    def _finish(self, ending: Ending, step: int | None, seconds: float) -> None:
        if self._finished or self._delivery is None:
            return
        self._finished = True
        endings.closed(self)
        with Guard("ending the run"):
            status, kind = self._reader.status(ending.status), name(ending.exception_type)
            ending = replace(ending, status=status, exception_type=kind)
            with self._lock:
                self.steps.end(time.perf_counter())
                steps = self._taken if step is None else self._reader.count("step", step)
            self._delivery.refused_values += self._reader.refused
            self._reader.refused = 0
            self._delivery.end(ending, steps or 0, seconds)

    def _send(self, rows: Rows) -> None:
        self._taken = rows.first_step + len(rows)
        if self._delivery is not None:
            self._delivery.steps(lambda: rows)

    def _is_open(self, what: str) -> bool:
        if self._delivery is None or self._guard.broken:
            return False
        if self._finished:
            self._reader.refused += 1
            self._complain("finished", f"{what}() came after finish()")
        return not self._finished

    def _complain(self, kind: str, sentence: str) -> None:
        if self._delivery is not None:
            self._delivery.voice.complain(kind, sentence)

    def _meter(self, begin: float) -> None:
        """Count the time that a call took, unless somebody reports it who knows better."""
        self._cost.add(begin)
        if self._delivery is not None and not self._reported_health:
            self._delivery.health = self._cost.health(self.steps)
