"""Signs that lie in the inputs, the labels and what came of them, by epoch and validation."""

import math

import numpy as np

from flatline_monitor.detectors.input_scale import InputScale
from flatline_monitor.detectors.no_skill import NoSkill
from flatline_monitor.detectors.trend import FEW_EPOCHS
from flatline_monitor.diagnosis.case import Case, Sign
from flatline_monitor.diagnosis.signs_of_answers import starved_and_rare
from flatline_monitor.runs.records import Task

SKILLED, NO_SKILL = 0.5, NoSkill().floor
SOME_SKILL = 0.1  # more than the best of many evaluations of a few samples has by luck
MEMORISED = 0.1  # of skill that the training has and the validation has not
HOPELESS = -0.5  # of skill: half as much again as a constant answer loses
WIDE_INPUT, TINY_INPUT = InputScale().ceiling, InputScale().floor
WIDE_TARGETS = WIDE_INPUT**2  # a variance
IMBALANCED = 0.5  # normalised perplexity of the labels (TheDeepChecker)
TINY_BATCH = 4  # ours: an update of so few samples is mostly noise
FEW_SAMPLES = 1000


def inputs_wide(case: Case) -> str:
    """An input is far from zero mean and unit size."""
    wide = [x for x in case.facts.inputs if max(abs(x[2]), x[3]) > WIDE_INPUT]
    return f"inputs range over {wide[0][0]:.4g}..{wide[0][1]:.4g}" if wide else ""


def inputs_tiny(case: Case) -> str:
    """An input hardly differs from sample to sample, and hardly from zero."""
    tiny = [x for x in case.facts.inputs if abs(x[2]) < TINY_INPUT and 0 < x[3] < TINY_INPUT]
    return f"inputs range over {tiny[0][0]:.3g}..{tiny[0][1]:.3g}" if tiny else ""


def inputs_around_one(case: Case) -> str:
    """All inputs are of ordinary size."""
    if not case.facts.inputs or inputs_wide(case) or inputs_tiny(case):
        return ""
    low, high = min(x[0] for x in case.facts.inputs), max(x[1] for x in case.facts.inputs)
    return f"inputs range over {low:.3g}..{high:.3g}"


def inputs_whole(case: Case) -> str:
    """Whole numbers of a wide range that are no pixels are likely names or places in a list.

    Such a list begins with 0 or 1.
    """
    facts = case.facts
    if not (facts.whole_inputs and inputs_wide(case)):
        return ""
    low, high = facts.inputs[0][:2]
    if low not in {0.0, 1.0} or high == np.iinfo(np.uint8).max:
        return ""
    return f"all inputs seem to be whole numbers, {low:.0f}..{high:.0f}"


def targets_wide(case: Case) -> str:
    """A regression's targets are far from unit size."""
    facts = case.facts
    if facts.task is not Task.REGRESSION:
        return ""
    if facts.target_size is not None and facts.target_size > WIDE_INPUT:
        return f"the targets are of size {facts.target_size:.3g}; a model begins with about 1"
    size = facts.null_loss if facts.null_loss is not None else facts.first_loss
    if size is None or not size > WIDE_TARGETS:
        return ""
    return f"a constant answer loses {size:.3g}: the targets are not scaled"


def targets_tiny(case: Case) -> str:
    """They are lost in what the model begins with."""
    size = case.facts.target_size
    if case.facts.task is not Task.REGRESSION or size is None or not 0 < size < TINY_INPUT:
        return ""
    return f"the targets are of size {size:.3g}; a model begins with about 1"


def labels_imbalanced(case: Case) -> str:
    """A few classes have most of the labels."""
    counts = np.array([n for n in case.facts.labels if n], np.float64)
    if counts.size < 2:  # noqa: PLR2004 - one class is no imbalance
        return ""
    share = counts / counts.sum()
    spread = (math.exp(-(share * np.log(share)).sum()) - 1) / (counts.size - 1)
    if spread >= IMBALANCED:
        return ""
    return f"{share.max():.0%} of the labels are of one class, {share.min():.1%} of the rarest"


def labels_balanced(case: Case) -> str:
    """They do not."""
    commonest, classes = case.facts.commonest, sum(n > 0 for n in case.facts.labels)
    if commonest is None or classes < 2 or labels_imbalanced(case):  # noqa: PLR2004 - the same
        return ""
    if starved_and_rare(case):
        return ""
    return f"the labels are balanced: the commonest class has {commonest:.0%} of them"


def answers_the_majority(case: Case) -> str:
    """Nearly all answers are the commonest class."""
    labels, predictions = case.facts.labels, case.facts.predictions
    if not (sum(labels) and sum(predictions)):
        return ""
    most = max(range(len(predictions)), key=predictions.__getitem__)
    share = predictions[most] / sum(predictions)
    often = max(range(len(labels)), key=labels.__getitem__) == most
    return f"{share:.0%} of the answers are the commonest class" if often and share > 0.9 else ""  # noqa: PLR2004 - nearly all


def few_samples(case: Case) -> str:
    """The training set is small."""
    n = case.facts.samples
    return f"there are only about {n} training samples" if n and n < FEW_SAMPLES else ""


def few_updates(case: Case) -> str:
    """Batches are nearly as large as the set."""
    facts = case.facts
    if not (facts.plan_steps and facts.plan_epochs and facts.samples and facts.batch_size):
        return ""
    per_epoch = facts.plan_steps // facts.plan_epochs
    if per_epoch > 2 or facts.samples < 256:  # noqa: PLR2004 - nearly full batches of a set that could be cut
        return ""
    return f"an epoch has only {per_epoch} updates: {facts.batch_size} samples in a batch"


def tiny_batches(case: Case) -> str:
    """Batches hold a handful of samples of a set that has many."""
    size, n = case.facts.batch_size, case.facts.samples
    if not size or not n or size > TINY_BATCH or n < 16 * size:
        return ""
    return f"a batch has {size} of about {n:,} samples"


def learns_but_collapses(case: Case) -> str:
    """The loss falls while one class gets all the answers."""
    skill = case.facts.skill
    if "class_collapse" not in case.findings or skill is None or skill <= SKILLED:
        return ""
    return f"the loss says that the model learns (skill {skill:.2f}), its answers do not"


def validation_has_no_skill(case: Case) -> str:
    """The validation never showed skill."""
    skill = case.facts.validation_skill
    if skill is None or skill >= NO_SKILL:
        return ""
    return f"no validation was better than a constant answer (best skill {skill:.2f})"


def validation_has_skill(case: Case) -> str:
    """The validation showed skill at some time."""
    skill = case.facts.validation_skill
    return f"the validation reached a skill of {skill:.2f}" if skill and skill >= NO_SKILL else ""


def validation_skilled(case: Case) -> str:
    """The validation showed more of it than a lucky evaluation does."""
    skill = case.facts.validation_skill
    if skill is None or not SOME_SKILL <= skill <= 1:
        return ""
    return f"the validation was better than a constant answer, surely (skill {skill:.2f})"


def fits_training_data(case: Case) -> str:
    """The training loss shows skill, in each of the classes."""
    skill = case.facts.skill
    if skill is None or skill <= SKILLED or "starved_class" in case.findings:
        return ""
    return f"the training skill is {skill:.2f}"


def far_below_constant(case: Case) -> str:
    """The model is much worse than a constant answer, which no lack of information explains."""
    skill = case.facts.skill
    if skill is None or skill >= HOPELESS:
        return ""
    return f"the loss is {1 - skill:.3g} times what a constant answer loses"


def improving(case: Case) -> str:
    """Each epoch is still better than the one before, and not by heart alone."""
    facts = case.facts
    gap = (facts.skill or 0.0) - (facts.validation_skill or 0.0)
    by_heart = bool(validation_has_no_skill(case)) and gap > MEMORISED
    share = None if by_heart else facts.improving
    return f"each epoch still improves the loss by {share:.1%}" if share else ""


def settled(case: Case) -> str:
    """Epochs no longer differ."""
    return "epochs no longer improve the loss" if case.facts.improving == 0 else ""


def few_epochs(case: Case) -> str:
    """The plan is short."""
    epochs = case.facts.plan_epochs
    return f"the plan has {epochs} epochs" if epochs and epochs <= FEW_EPOCHS else ""


SIGNS: tuple[Sign, ...] = (
    inputs_wide,
    inputs_tiny,
    inputs_around_one,
    inputs_whole,
    targets_wide,
    targets_tiny,
    labels_imbalanced,
    labels_balanced,
    answers_the_majority,
    few_samples,
    few_updates,
    tiny_batches,
    learns_but_collapses,
    validation_has_no_skill,
    validation_has_skill,
    validation_skilled,
    fits_training_data,
    far_below_constant,
    improving,
    settled,
    few_epochs,
)
