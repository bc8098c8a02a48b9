"""What is known of a run beside its findings: the numbers that causes and remedies need.

Taken at a judged point and kept with the run, so that it can be explained after its rows are gone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from flatline_monitor.detectors.answers import confidences
from flatline_monitor.detectors.preflight import faults
from flatline_monitor.detectors.statistics import finite_median, first_update_ratio, is_weighted
from flatline_monitor.diagnosis import (
    measures,
    measures_of_data,
    measures_of_model,
    measures_of_setup,
)
from flatline_monitor.runs.records import Role, Task
from flatline_monitor.runs.view import RunView

KERNELS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """One run in numbers; None: not known. Losses are data losses, in their own unit."""

    step: int
    task: Task
    loss_name: str
    plan_steps: int | None
    plan_epochs: int | None
    batch_size: int | None
    samples: int | None
    """Samples in an epoch."""
    loss: float | None
    """Mean over the last quarter of the run."""
    first_loss: float | None
    """Median of the first twenty."""
    began_at: float | None
    """Loss of the very first step, before any update, without regularisation."""
    null_loss: float | None
    skill: float | None
    """1 - loss / null-model loss; not known under sample or class weights."""
    improving: float | None
    """Share of its loss that the run still gains with each epoch; 0: it does not."""
    best_epoch: int | None
    """Epoch of the lowest validation loss, from 1."""
    last_epoch: int | None
    """Epoch of the last validation, from 1."""
    validation_skill: float | None
    """The best so far."""
    learning_rate: float | None
    """The one that the run began with; of a schedule the highest."""
    first_update_ratio: float | None
    update_ratio: tuple[float, float] | None
    """Smallest and largest of the kernels' recent update norm / weight norm."""
    gradient_gap: float | None
    """Decades by which the gradient shrinks from the last kernel to the first half."""
    kernels_without_gradient: int
    """Kernels whose gradient was exactly zero of late."""
    usual_kernel_norm: float
    first_kernel_norm: float | None
    kernel_norm: float | None
    """Norm of all kernels together, embeddings apart: as Glorot has it, early and of late."""
    regularization: float | None
    """Sum of the regularisation terms, of late."""
    regularization_share: float | None
    """Largest share that they had of the loss, at the beginning or of late."""
    inputs: tuple[tuple[float, float, float, float], ...]
    """Smallest and largest element, mean and standard deviation of each input, of late."""
    whole_inputs: bool
    """Whether the smallest and the largest element of every batch were whole numbers."""
    labels: tuple[int, ...]
    """How often each class was seen as a label, in the sampled steps."""
    predictions: tuple[int, ...]
    """How often each class was predicted of late."""
    highest_confidence: float | None
    """Largest mean of the largest probabilities in any part of the run."""
    kernels: tuple[tuple[int, ...], ...]
    """Shapes of the first kernels and embeddings, and of the last, in forward order."""
    depth: int
    """How many kernels and embeddings there are."""
    is_stack: bool
    """Whether they are a stack of dense layers, each fed by the one before."""
    parameters: int
    """Trainable numbers in the model."""
    rectified_output: bool
    """Whether the layer of the last kernel ends in a ReLU."""
    zero_kernels: int
    """Kernels before the last whose elements are all zero."""
    untrained: tuple[str, ...]
    """Paths of kernels and embeddings that should be trained and have no gradient, the first."""
    fixed: int
    """Kernels and embeddings that the program has frozen."""
    bad_place: str
    """Where the numbers went bad first: input, loss, gradient, weights; empty: nowhere."""
    bad_step: int | None
    was_calm: bool = False
    """Whether neither the loss nor the updates had grown before that."""
    labels_outside: float = 0.0
    """Share of the labels that are none of the classes."""
    targets_are_labels: bool = False
    """Whether the targets of a squared error are all 0 or 1."""
    constant_inputs: bool = False
    """Whether all elements of all inputs are the same number."""
    input_outlier: measures_of_data.Jump | None = None
    """The batch whose largest element is far beyond those of all others: step, theirs, its own."""
    input_change: measures_of_data.Jump | None = None
    """The step from which on an input is of another size: step, its size before and since."""
    largest_beginning: float | None = None
    """Largest norm that a kernel began with, in those of Glorot's or He's rule."""
    error_returned: float | None = None
    """Share of a regression's mean error that the bias of the last layer is told of."""
    masked_share: float | None = None
    """Largest share of a kernel behind the first that had no gradient."""
    moves_means: bool = False
    """Whether the model normalises by moving means."""
    is_linear: bool = False
    """Whether there is no nonlinearity between its dense layers."""
    training_excess: float | None = None
    """How much more training loses than validation of late, as a share of the null model's loss."""
    lowest_confidence: float | None = None
    """Smallest mean of the largest probabilities in any part of the run."""
    plain_descent: bool = False
    """Whether each update is the gradient times the rate."""
    is_recurrent: bool = False
    """Whether a kernel multiplies a recurrent state."""
    accuracy: float | None = None
    """Share of right answers over the last quarter of the run."""
    never_better: bool = False
    """Whether the loss has only risen since the run began."""
    target_size: float | None = None
    """Root mean square of the targets of a regression, of the output where it is largest."""
    gradient_norm: float | None = None
    """Norm of the whole gradient before clipping, of late."""
    clip_ratio: float | None = None
    """What clipping leaves of that norm, of late."""
    is_regularized: bool | None = None
    """Whether dropout, a penalty or decay holds the weights down."""
    squashing_layers: int | None = None
    """Hidden layers that end in a sigmoid or the like."""
    are_pictures: bool = False
    """Whether the inputs look like pictures."""
    weights_reversed: str = ""
    """That the commonest class weighs more than the rarest."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with the set-up, by the names of the rules that say so."""

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Widths of the layers before the last."""
        return tuple(shape[-1] for shape in self.kernels[:-1])

    @property
    def output_units(self) -> int | None:
        """Width of the last layer."""
        return self.kernels[-1][-1] if self.kernels else None

    @property
    def shrunk_to(self) -> float | None:
        """Return what is left of the kernels' first norm, as a share of it."""
        if not self.first_kernel_norm or self.kernel_norm is None:
            return None
        return self.kernel_norm / self.first_kernel_norm

    @property
    def progress(self) -> float | None:
        """Return the share of the first loss that is gone."""
        if not self.first_loss or self.loss is None:
            return None
        return 1 - self.loss / self.first_loss

    @property
    def commonest(self) -> float | None:
        """Return the share of the most frequent label."""
        return max(self.labels) / sum(self.labels) if sum(self.labels) else None


def facts_of(view: RunView) -> Facts:
    """Return what is known of the run at this judged point."""
    hello, null = view.hello, view.null_loss
    loss, terms = measures.recent_loss(view), measures.recent(view, "regularization_loss")
    inputs = measures.inputs(view)
    gap, without = measures.gradients(view)
    rates = [rate for rate in view.learning_rate.values() if math.isfinite(rate)]
    best = measures.best_evaluation(view)
    shapes = [view.variables[i].shape for i in view.kernels]
    return Facts(
        step=view.step,
        task=hello.task,
        loss_name=hello.loss_name,
        plan_steps=hello.plan_steps,
        plan_epochs=hello.plan_epochs,
        batch_size=hello.batch_size,
        samples=measures.samples(view),
        loss=loss,
        first_loss=measures.known(finite_median(view.firsts.data_loss[: view.first_rows]))
        or view.first_loss,
        began_at=measures.began_at(view, terms),
        null_loss=null,
        skill=None if not null or loss is None or is_weighted(view) else 1 - loss / null,
        improving=measures.improving(view),
        best_epoch=None if best is None else best.epoch + 1,
        last_epoch=view.evaluations[-1].epoch + 1 if view.evaluations else None,
        validation_skill=None if not null or best is None else 1 - best.metrics["loss"] / null,
        learning_rate=max(rates, default=None),
        first_update_ratio=measures.known(first_update_ratio(view, measures.FIRST)),
        update_ratio=measures.update_ratios(view),
        gradient_gap=gap,
        kernels_without_gradient=without,
        usual_kernel_norm=measures.usual_kernel_norm(view),
        first_kernel_norm=measures.first(view.firsts.kernel_norm),
        kernel_norm=measures.kernel_norm(view),
        regularization=terms,
        regularization_share=measures.regularization_share(view, terms),
        inputs=inputs,
        whole_inputs=bool(inputs) and measures.are_whole(view),
        labels=measures.counts(view.coarse, "label_count"),
        predictions=measures.counts(view.since(view.step - view.step // 4), "prediction_count"),
        highest_confidence=measures.known(confidences(view.coarse)[2]),
        kernels=tuple(
            shapes if len(shapes) <= KERNELS_KEPT else [*shapes[: KERNELS_KEPT - 1], shapes[-1]]
        ),
        depth=len(shapes),
        is_stack=measures.is_stack(view),
        parameters=sum(variable.size for variable in view.variables),
        rectified_output=measures.rectified_output(view),
        zero_kernels=measures.zero_kernels(view),
        untrained=measures.untrained(view),
        fixed=measures.fixed(view),
        bad_place="" if view.bad is None else view.bad.place,
        bad_step=None if view.bad is None else view.bad.step,
        was_calm=measures_of_model.was_calm(view),
        labels_outside=measures_of_data.labels_outside(view),
        targets_are_labels=measures_of_data.are_labels(view),
        constant_inputs=measures_of_data.are_constant(view),
        input_outlier=measures_of_data.outlier(view),
        input_change=measures_of_data.change(view),
        largest_beginning=measures_of_model.largest_beginning(view),
        error_returned=measures_of_model.error_returned(view, loss),
        masked_share=measures_of_model.masked_share(view),
        moves_means=measures_of_model.moves_means(view),
        is_linear=measures_of_model.is_linear(view),
        training_excess=measures_of_model.training_excess(view, loss),
        lowest_confidence=measures.known(confidences(view.coarse)[0]),
        plain_descent=measures_of_model.is_plain_descent(view),
        is_recurrent=any(each.role is Role.RECURRENT_KERNEL for each in view.variables),
        accuracy=measures_of_data.accuracy(view),
        never_better=measures_of_model.was_never_better(view),
        target_size=measures_of_data.target_size(view),
        gradient_norm=measures.recent(view, "global_grad_norm"),
        clip_ratio=measures.recent(view, "clip_ratio"),
        is_regularized=measures_of_setup.is_regularized(view),
        squashing_layers=measures_of_setup.squashing_layers(view),
        are_pictures=measures_of_setup.are_pictures(view),
        weights_reversed=measures_of_setup.weights_reversed(view),
        faults={name: broken.sentence for name, broken in faults(view).items()},
    )
