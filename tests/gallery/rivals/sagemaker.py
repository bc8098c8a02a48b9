"""SageMaker Debugger's built-in rules over losses, labels and predictions, and the whole of them.

Defined in AWS's developer guide, "List of Debugger Built-in Rules". Confusion is left out, in
its favour: as documented (the share of each class in the diagonal must be .9) no problem of two
classes can meet it. The tool looks at what was saved: `EVERY_STEP` saves all, which it advises
against for what it costs; `SAVED` each 500th step, as the rules' own configurations do
(smdebug_rulesconfig, ruleConfigs.json).
"""

import numpy as np

from tests.gallery.rivals.contract import Rival, rule
from tests.gallery.rivals.logs import Logs, after_hits, first, saved, unimproved
from tests.gallery.rivals.sagemaker_tensors import RULES as OF_TENSORS
from tests.gallery.series import Series

NUM_STEPS = 10
OVERFIT_RATIO, OVERFIT_PATIENCE = 0.1, 1
TRAIN_PATIENCE, VALIDATION_PATIENCE, DELTA = 5, 10, 0.1
LABELS, IMBALANCE, MISPREDICTED = 500, 10.0, 0.7
SAVE_INTERVAL = 500
SOURCE = "AWS, Debugger Built-in Rules; defaults of the developer guide"


@rule("LossNotDecreasing", "stagnation", "no_skill", "plateau", "divergence")
def loss_not_decreasing(logs: Logs) -> int | None:
    """The loss is not below that of the last step that was looked at, ten or more steps ago."""
    steps, loss = logs.loss
    at, then = 0, int(np.searchsorted(steps, steps[0] + NUM_STEPS)) if len(steps) else 0
    while 0 < then < len(steps):
        if not loss[then] < loss[at]:
            return int(steps[then])
        at, then = then, int(np.searchsorted(steps, steps[then] + NUM_STEPS))
    return None


@rule("Overfit", "overfitting")
def overfit(logs: Logs) -> int | None:
    """The validation loss exceeds the training loss by a tenth, for longer than one validation."""
    epochs = logs.epochs
    with np.errstate(divide="ignore", invalid="ignore"):
        above = (epochs.val_loss - epochs.loss) / epochs.loss > OVERFIT_RATIO
    return first(after_hits(above, OVERFIT_PATIENCE + 1), epochs.last)


@rule("Overtraining", "overfitting", "plateau")
def overtraining(logs: Logs) -> int | None:
    """Neither training loss (5 epochs) nor validation loss (10) has improved by .1."""
    epochs = logs.epochs
    validated = np.isfinite(epochs.val_loss)
    train = unimproved(epochs.loss, DELTA) >= TRAIN_PATIENCE
    validation = unimproved(epochs.val_loss, DELTA) >= VALIDATION_PATIENCE
    return first(validated & train & validation, epochs.last)


@rule("ClassImbalance", "class_collapse", "starved_class")
def class_imbalance(logs: Logs) -> int | None:
    """Of five hundred labels ten times as many are of one class, or 70 % of one are mistaken."""
    labels, right = logs.column("label_count"), logs.column("correct_count")
    if labels.shape[1] < 2 or right.shape != labels.shape:
        return None
    windows = np.cumsum(labels.sum(axis=1)) // LABELS
    ends = np.flatnonzero(np.diff(windows)) + 1
    for lo, hi in zip([0, *ends[:-1] + 1], ends + 1, strict=False):
        seen = labels[lo:hi].sum(axis=0)
        missed = 1 - right[lo:hi].sum(axis=0) / np.maximum(seen, 1)
        if seen.max() > IMBALANCE * max(seen.min(), 1) or (missed[seen > 0] > MISPREDICTED).any():
            return int(logs.sampled[hi - 1])
    return None


RULES = (*OF_TENSORS, loss_not_decreasing, overfit, overtraining, class_imbalance)


def _each_500th(run: Series) -> Logs:
    return Logs(saved(run, SAVE_INTERVAL))


EVERY_STEP = Rival("SageMaker Debugger, every step", SOURCE, RULES)
SAVED = Rival("SageMaker Debugger, as configured", SOURCE, RULES, _each_500th)
