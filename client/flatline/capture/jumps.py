"""A jump of the loss, after which the training is looked at more closely."""

from collections import deque

FACTOR = 1.5
"""A loss this much above the largest of the recent past is a jump (OLMo-core's spike rule)."""
_PAST, _LEAST, _PAUSE = 128, 32, 200


class Jumps:
    """Takes the losses of a run in groups of consecutive steps."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int]] = deque()
        self._steps = 0
        self._quiet = 0

    def seen(self, largest: float, steps: int) -> bool:
        """Say whether the largest loss of so many steps is a jump; not again for a while."""
        before = max((loss for loss, _ in self._past), default=largest)
        self._quiet = max(self._quiet - steps, 0)
        jump = self._steps >= _LEAST and self._quiet == 0 and largest > FACTOR * before > 0
        self._past.append((largest, steps))
        self._steps += steps
        while self._past and self._steps - self._past[0][1] >= _PAST:
            self._steps -= self._past.popleft()[1]
        if jump:
            self._quiet = _PAUSE
        return jump
