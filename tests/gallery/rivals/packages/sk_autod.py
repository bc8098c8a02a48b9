"""sk-autod 0.1.1, fed with the losses of the epochs of a run that is over.

It needs a validation loss for each of at least five epochs: without one it gets the training
loss twice, with some it gets those epochs. Curves that it refuses because they are not finite
count as a finding of that. What it marks as information is left out.
"""

import math
from collections.abc import Iterator

from sk_autod import Severity, diagnose

from tests.gallery.rivals.packages.log import Log

FEWEST = 5


def findings(log: Log) -> Iterator[tuple[int, str]]:
    """Return what it says, and when: at the end."""
    epochs = log.validations or log.epochs
    train = [epoch.loss for epoch in epochs]
    validation = [epoch.val_loss for epoch in epochs] if log.validations else train
    if any(math.isinf(epoch.loss) for epoch in log.epochs):
        yield log.step[-1], "refused: not finite"
    elif len(train) >= FEWEST and all(map(math.isfinite, train)):
        for finding in diagnose(train, validation).findings:
            if finding.severity is not Severity.INFO:
                yield log.step[-1], finding.detector_name
