"""The read-only picture of one run that detectors look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from flatline_monitor.runs.bad import FirstBad
from flatline_monitor.runs.blocks import Blocks
from flatline_monitor.runs.firsts import Firsts
from flatline_monitor.runs.null_model import null_loss
from flatline_monitor.runs.plan import scaled
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
LOOKED_AT = frozenset({Role.KERNEL, Role.EMBEDDING})


def kernels_of(variables: Sequence[Variable], *, embeddings: bool = True) -> list[int]:
    """Return the indices of kernels and, unless not wanted, embeddings, in forward order."""
    roles = LOOKED_AT if embeddings else LOOKED_AT - {Role.EMBEDDING}
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

    def scaled(self, steps: int) -> int:
        """Return a warm-up or window of a long run as it is in this one.

        A further fit has no plan, but steps behind it: enough of them count as one, so that what
        was said of the first fit is looked at again soon.
        """
        seen = self.step + 1 if self.hello.fit and self.step >= ENOUGH_STEPS else None
        return scaled(steps, self.plan or seen)

    @property
    def share_of_plan(self) -> float | None:
        """How much of the plan is spent, 1 when the run is completed; None: no plan is known."""
        if self.completed:
            return 1.0
        return None if self.plan is None else (self.step + 1) / self.plan

    def has(self, column: str) -> bool:
        """Say whether the signal was sent at all, in the steps that are kept."""
        if column == "loss":
            return bool(self.rows.loss_known.any())
        return column in self.rows.sampled.columns

    @property
    def has_new_sample(self) -> bool:
        """Whether the judged block holds a sampled step."""
        step = self.rows.sampled.step
        return bool(len(step) and step[-1] >= self.sampled_from)

    def late(self, steps: int) -> Blocks:
        """Return the blocks of the last quarter of the run, of the last `steps` at least."""
        return self.coarse.since(self.step - max(steps, self.step // 4) + 1)

    def loss_since(self, step: int) -> Array:
        """Return the known losses from this step on, nan and infinities included."""
        kept = (self.rows.step >= step) & self.rows.loss_known
        return np.asarray(self.rows.loss[kept])

    def sampled_since(self, step: int, column: str) -> Array:
        """Return a column at the sampled steps from this one on, first axis sampled.

        Of a column over many variables only the latest of them are kept.
        """
        count = len(self.rows.sampled.step) - int(np.searchsorted(self.rows.sampled.step, step))
        return self.last_samples(column, count)

    def last_samples(self, column: str, count: int) -> Array:
        """Return the last so many samples of a column, or as many as are kept of them."""
        values = self.rows.sampled.columns[column]
        return np.asarray(values[max(len(values) - count, 0) :])

    @property
    def has_new_evaluation(self) -> bool:
        """Whether a validation ended within the judged block."""
        return bool(self.evaluations) and self.evaluations[-1].step >= self.sampled_from

    @property
    def kernels(self) -> list[int]:
        """Indices of kernels and embeddings on the variable axis, in forward order."""
        return kernels_of(self.variables)

    def activations_of(self, kind: ActivationKind) -> list[Activation]:
        """Return the activations of a kind: the axis of the columns that are over this kind."""
        return [activation for activation in self.activations if activation.kind is kind]

    @property
    def first_loss(self) -> float:
        """Median of the first losses, at most 20; nan before the first."""
        losses = self.firsts.loss
        return float(np.median(losses.astype(np.float64))) if losses.size else float("nan")

    @property
    def null_loss(self) -> float | None:
        """Loss of the best constant predictor of this run's targets; None: not known."""
        return null_loss(self.coarse, self.hello.loss_kind)

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
