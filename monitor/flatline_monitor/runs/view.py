"""The read-only picture of one run that detectors look at."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, no_type_check

import numpy as np

from flatline_monitor.runs.bad import FirstBad
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.firsts import KEPT, Firsts
from flatline_monitor.runs.median import median
from flatline_monitor.runs.model import Model
from flatline_monitor.runs.null_model import null_loss
from flatline_monitor.runs.plan import YOUNG, noisy, scaled
from flatline_monitor.runs.records import (
    Activation,
    ActivationKind,
    Evaluation,
    Hello,
    Role,
    Untrained,
    Variable,
)
from flatline_monitor.runs.rows import Rows

Array = np.ndarray
ENOUGH_STEPS = 200
P = ParamSpec("P")
T = TypeVar("T")


def once(
    statistic: Callable[Concatenate["RunView", P], T],
) -> Callable[Concatenate["RunView", P], T]:
    """Make a statistic of a view be computed once, whoever asks, and beside whichever limit.

    What it takes besides the view are numbers, names, or blocks of that view.
    """

    # Asked a hundred times at a judged point: tests check the types of what it wraps, not its own.
    @no_type_check
    @functools.wraps(statistic)
    def remembered(view: "RunView", /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (statistic, args, *kwargs.items()) if kwargs else (statistic, args)
        if key not in view.memo:
            view.memo[key] = statistic(view, *args, **kwargs)
        return view.memo[key]

    return cast('Callable[Concatenate["RunView", P], T]', remembered)


def kernels_of(variables: Sequence[Variable], *, embeddings: bool = True) -> list[int]:
    """Return the indices of kernels and, unless not wanted, embeddings, in forward order."""
    roles = (Role.KERNEL, Role.EMBEDDING) if embeddings else (Role.KERNEL,)
    return [i for i, variable in enumerate(variables) if variable.role in roles]


@dataclass(frozen=True, slots=True)
class RunView:
    """One run at one judged point: its recent rows, its summaries, and what it is about."""

    hello: Hello
    plan: int | None
    """Steps that the run will take; None: not known."""
    step: int
    """Last step that was seen; the judged point."""
    final: bool
    """Whether the run is over: the last time that anybody is asked."""
    completed: bool
    """Whether it ended as it was meant to, and was not killed or interrupted."""
    rows: Rows
    """The last steps (at most 512) and the last sampled ones."""
    sampled_from: int
    """First step of the block that is judged; sampled rows from here on are new."""
    fine: Blocks
    """The last blocks, at full resolution."""
    coarse: Blocks
    """The whole run in at most 40 blocks."""
    firsts: Firsts
    """How the run began."""
    bad: FirstBad | None
    """Where the numbers went bad; None: they are good, or loss scaling copes with them."""
    best_loss: float
    """Lowest mean loss of any window of 200 steps (scaled) so far; nan before the first."""
    variables: tuple[Variable, ...] = ()
    inputs: tuple[str, ...] = ()
    """Names of the model's inputs."""
    activations: tuple[Activation, ...] = ()
    """The layers with a nonlinearity; see `activations_of`."""
    untrained: tuple[Untrained, ...] = ()
    """Arrays of the model that no optimizer changes."""
    learning_rate: Mapping[int, float] = field(default_factory=dict)
    """Learning rate from each of these steps on, the latest changes."""
    evaluations: tuple[Evaluation, ...] = ()
    model: Model | None = None
    """What is known of the fit before it had learned anything; None: it was not sent."""
    memo: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was computed of it; see `once`."""

    @once
    def scaled(self, steps: int) -> int:
        """Return a warm-up or window of a long run as it is in this one.

        A further fit has no plan, but steps behind it: enough of them count as one, so that what
        was said of the first fit is looked at again soon.
        """
        seen = self.step + 1 if self.hello.fit and self.step >= ENOUGH_STEPS else None
        return scaled(steps, self.plan or seen, self.hello.row_steps)

    @property
    def share_of_plan(self) -> float | None:
        """How much of the plan is spent, 1 when the run is completed; None: no plan is known."""
        if self.completed:
            return 1.0
        return None if self.plan is None else (self.step + 1) / self.plan

    @property
    def is_young(self) -> bool:
        """Whether little of the plan is spent; not so where no plan is known."""
        share = self.share_of_plan
        return share is not None and share < YOUNG

    def spanning(self, steps: int) -> int:
        """Return a window of losses: scaled, but of as many as are little noise at least.

        A row that stands for many steps may be the loss of a single batch all the same: so many
        of them as of steps.
        """
        if self.hello.row_steps > 1:
            return scaled(steps, self.plan)
        return max(self.scaled(steps), noisy(self.hello.batch_size))

    @property
    @once
    def loss_known(self) -> Array:
        """[step] Whether the loss of a row was measured at all; a measured nan is known."""
        return self.rows.loss_known

    @property
    @once
    def sent(self) -> frozenset[str]:
        """Names of the signals that were sent at all, in the steps that are kept."""
        loss = ("loss",) if self.loss_known.any() else ()
        return frozenset((*self.rows.sampled.columns, *loss))

    def has(self, column: str) -> bool:
        """Say whether the signal was sent at all, in the steps that are kept."""
        return column in self.sent

    @property
    @once
    def has_new_sample(self) -> bool:
        """Whether the judged block holds a sampled step."""
        step = self.rows.sampled.step
        return bool(len(step) and step[-1] >= self.sampled_from)

    @once
    def since(self, step: int) -> Blocks:
        """Return the blocks that reach `step` or lie after it; the same object for the same."""
        last = self.coarse["last"] if len(self.coarse) else np.zeros(0)
        return self._from_block(int(np.searchsorted(last, step)))

    @once
    def _from_block(self, first: int) -> Blocks:
        return self.coarse.from_block(first)

    def late(self, steps: int) -> Blocks:
        """Return the blocks of the last quarter of the run, of the last `steps` at least."""
        return self.since(self.step - max(steps, self.step // 4) + 1)

    @once
    def loss_since(self, step: int) -> Array:
        """Return the known losses from this step on, nan and infinities included."""
        first = int(np.searchsorted(self.rows.step, step))
        return np.asarray(self.rows.loss[first:][self.loss_known[first:]])

    def sampled_since(self, step: int, column: str) -> Array:
        """Return a column at the sampled steps from this one on, first axis sampled.

        Of a column over many variables only the latest of them are kept.
        """
        return self.last_samples(column, len(self.sampled_steps_since(step)))

    def sampled_steps_since(self, step: int) -> Array:
        """Return the sampled steps from this one on."""
        sampled = self.rows.sampled.step
        return np.asarray(sampled[np.searchsorted(sampled, step) :])

    def last_samples(self, column: str, count: int) -> Array:
        """Return the last so many samples of a column, or as many as are kept of them."""
        values = self.rows.sampled.columns[column]
        return np.asarray(values[max(len(values) - count, 0) :])

    @property
    def has_new_evaluation(self) -> bool:
        """Whether a validation ended within the judged block."""
        return bool(self.evaluations) and self.evaluations[-1].step >= self.sampled_from

    @property
    @once
    def kernels(self) -> list[int]:
        """Indices of kernels and embeddings on the variable axis, in forward order."""
        return kernels_of(self.variables)

    @property
    @once
    def dense(self) -> list[int]:
        """Indices of kernels, embeddings apart, in forward order."""
        return kernels_of(self.variables, embeddings=False)

    def activations_of(self, kind: ActivationKind) -> list[Activation]:
        """Return the activations of a kind: the axis of the columns that are over this kind."""
        return [activation for activation in self.activations if activation.kind is kind]

    @property
    def first_rows(self) -> int:
        """How many rows the first steps are, of which `firsts` holds at most 20."""
        return -(-KEPT // self.hello.row_steps)

    @property
    @once
    def first_loss(self) -> float:
        """Median of the losses of the first steps, at most 20; nan before the first."""
        return median(self.firsts.loss[: self.first_rows].astype(np.float64))

    @property
    @once
    def null_loss(self) -> float | None:
        """Loss of the best constant predictor of this run's targets; None: not known."""
        return null_loss(self.coarse, self.hello.loss_kind)

    @property
    def loss_scale(self) -> float:
        """What a change of the loss is measured by: the null model's loss, or else the first.

        A first loss near zero, as of a likelihood that falls below it, is no measure: where rows
        stand for many steps it is the span of the first ones then.
        """
        first = self.firsts.loss
        if self.hello.row_steps > 1 and self.null_loss is None and first.size and first.min() < 0:
            return float(np.ptp(first.astype(np.float64)))
        return self.null_loss or abs(self.first_loss)

    @property
    def steps_in_an_epoch(self) -> int | None:
        """Steps of an epoch, as far as the plan tells."""
        hello = self.hello
        if not (hello.plan_steps and hello.plan_epochs):
            return None
        return max(1, hello.plan_steps // hello.plan_epochs)

    @property
    def samples_in_an_epoch(self) -> int | None:
        """Different samples that the run trains on, as far as its plan tells."""
        hello = self.hello
        if not (hello.plan_steps and hello.plan_epochs and hello.batch_size):
            return None
        return hello.plan_steps * hello.batch_size // hello.plan_epochs
