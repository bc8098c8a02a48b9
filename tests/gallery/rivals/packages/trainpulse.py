"""trainpulse 0.4.0, fed live with each step: the one of the packages that speaks while it trains.

Times of steps are not given to it, which spares it alarms for compilation and validation.
"""

import math
from collections.abc import Iterator

from trainpulse import Monitor

from tests.gallery.rivals.packages.log import Log


def findings(log: Log) -> Iterator[tuple[int, str]]:
    """Return the first alert of each of its detectors."""
    monitor, said = Monitor(), set()
    rows = zip(log.step, log.loss, log.grad_norm, log.rate, strict=True)
    for step, *values in rows:
        for name, value in zip(("loss", "grad_norm", "learning_rate"), values, strict=True):
            for alert in [] if math.isnan(value) else monitor.log(name, step, value):
                symptom = f"{alert.detector}: {alert.message.split(':')[0].split(' is ')[0]}"
                if alert.detector == "learning_rate":
                    symptom = alert.detector
                if symptom not in said:
                    said.add(symptom)
                    yield step, symptom
