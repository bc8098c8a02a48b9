"""Measures the updates of one custom loop, and makes one row of all of a step."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from flatline.capture.dice import draws_here
from flatline.capture.meter import Meter, replicas
from flatline.capture.pace import Pace
from flatline.capture.twin import Pair, divert, is_compiled, is_measuring, traced_functions
from flatline.guard import Guard
from flatline.norms import Norms, joined
from flatline.say import say
from flatline.settings import Settings

_PATIENCE = 64
"""Rows for which an optimizer is waited for that no longer reports."""
_SILENT_LOGS = 10
_LOOKED_CLOSER = 16
"""Steps sampled after a loss or a gradient that is not finite."""


class Watcher:
    """Measures the updates of one run; `take` is called with each step that is logged.

    Several optimizers make one row together, once all of them have reported: where they take
    turns it holds the latest of each.
    """

    def __init__(self, every: int | None, settings: Settings, wished: Callable[[], int]) -> None:
        self.guard = Guard("the watching of updates")
        self.due = True
        """Whether what is called now is to be measured."""
        self.tracing_seconds = 0.0
        """Time of the steps that traced something a second time, which no budget holds for."""
        self._every = every
        self._settings = settings
        self._wished = wished
        self._pace: Pace | None = None
        self._meters: dict[tuple[Any, ...], tuple[Meter, Sequence[Any]]] = {}
        self._pairs: list[Pair] = []
        self._waiting: dict[Meter, Norms] = {}
        self._lock = threading.RLock()
        self._at_stop: list[Callable[[], None]] = []
        self._logs = 0
        self._xla = self._said = self._stopped = False
        self._measured = self._heard = self._retraced = False
        self._was_finite = self._traced = True
        self._last = time.perf_counter()

    def place(self, meter: Callable[[], Meter]) -> Any:
        """Say whether what is called here is measured; a tensor says so at each call."""
        if tf.executing_eagerly():
            self._measured = self._measured or self.due
            return self.due
        if replicas() == 1:
            return self._place(meter)
        # Replicas are traced in threads of their own, whose stacks do not show the function.
        return tf.distribute.get_replica_context().merge_call(lambda _: self._place_of_replicas())

    def _place_of_replicas(self) -> bool:
        with self.guard:  # what is raised here would end the training
            return bool(self._place(None))
        return False

    def _place(self, meter: Callable[[], Meter] | None) -> Any:
        if is_measuring():
            return True
        functions = traced_functions()
        compiled = [is_compiled(function) for function in functions]
        # The outermost comes last. XLA draws other numbers each time, whatever the seed.
        dice = compiled[-1:] != [True] and draws_here()
        if dice and (any(compiled) or meter is None):
            self.refuse("a step that draws seeded random numbers, with XLA or several replicas")
        elif dice and meter is not None:
            # Another trace would draw the same again: there is one, with a branch in it.
            return meter().due(now=self.due)
        elif self.divert(functions) and meter is not None:
            meter().active = True  # rows wait for it from the beginning
        return False

    def divert(self, functions: Sequence[Any]) -> bool:
        """Have sampled calls of these tf.functions measured; False: they are not."""
        self._xla = self._xla or any(map(is_compiled, functions))
        if self._logs == 0 and not self._pairs:
            self._last = time.perf_counter()
        if self._xla and self._settings.xla_exact:
            self.refuse("what XLA compiles, as xla_exact asks for")
            return False
        pairs = [divert(function, self) for function in functions]
        self._pairs += [pair for pair in pairs if pair is not None and pair not in self._pairs]
        if not all(pairs):
            self.refuse("a function of this kind")
        return all(pairs)

    def measured(self, *, traced: bool = False) -> None:
        """Take note that a call was measured."""
        self._measured = True
        self._retraced = self._retraced or traced

    def refuse(self, why: str) -> None:
        """Say once that something is not measured."""
        if not self._said:
            self._said = True
            say(f"watch() does not measure {why}; training goes on without it")

    def meter(self, owner: object, variables: Sequence[Any]) -> Meter:
        """Return the meter for these variables of one optimizer."""
        key = (id(owner), *map(id, variables))
        with self._lock:
            if key not in self._meters:
                self._traced = True
                # The variables are kept, since an id that is free again would name another one.
                self._meters[key] = Meter(variables), (owner, *variables)
            return self._meters[key][0]

    def drop(self, meters: Sequence[Meter]) -> None:
        """Let some measure no more, and wait for them no longer."""
        with self.guard, self._lock:
            for meter in meters:
                meter.switch(on=False)
                self._waiting.pop(meter, None)
            self._meters = {k: each for k, each in self._meters.items() if each[0] not in meters}
            for pair in self._pairs:
                pair.renew()
            if not self._meters:
                self._leave()

    def at_stop(self, action: Callable[[], None]) -> None:
        """Have something done when the run ends."""
        self._at_stop.append(action)

    def take(self, loss: float | None = None) -> Norms | None:
        """Return the row of the step that is being logged; None: it was not measured."""
        if self.guard.broken or self._stopped:
            return None
        with self.guard:
            return self._take(loss, time.perf_counter())
        return None

    def stop(self) -> None:
        """Measure no more, and leave all functions as they were."""
        self._stopped, self.due = True, False
        for action in self._at_stop:
            with self.guard:
                action()
        self.drop([meter for meter, _ in self._meters.values()])

    def _leave(self) -> None:
        """Let all functions be as they were."""
        for pair in self._pairs:
            pair.leave(self)
        self._pairs = []

    @property
    def cost_seconds(self) -> float:
        """What sampled steps have cost besides reading them; nan: not known yet."""
        return 0.0 if self._pace is None else self._pace.cost_seconds

    def _take(self, loss: float | None, now: float) -> Norms | None:
        if self._pace is None:
            self._pace = Pace(self._every, self._settings, xla=self._xla)
        pace, log, seconds = self._pace, self._logs, now - self._last
        self._logs += 1
        norms, measured = self._gather() if self.due else None, self._measured
        for pair in self._pairs:
            pair.turn()
        self._measured = False
        if measured:
            traced = self._traced or self._retraced
            pace.sampled(log, seconds, time.perf_counter() - now, traced=traced)
            self.tracing_seconds += seconds * self._retraced
            self._traced = self._retraced = False
        else:
            pace.light(log, seconds if log or self._pairs else 0.0)
        self._look(pace, loss, norms)
        due = pace.is_due(log + 1, done=norms is not None) or bool(self._waiting)
        if due != self.due:
            self.due = due
            for meter, _ in self._meters.values():
                meter.switch(on=due)
        if log == _SILENT_LOGS and not (self._heard or self._said or pace.waits):
            say(
                f"watch() has measured nothing in {log} steps: a tf.function that was traced "
                "before is not measured; call watch() before its first call"
            )
        self._last = time.perf_counter()
        if not measured:
            pace.own(log, self._last - now)
        return norms

    def _gather(self) -> Norms | None:
        """Read what is new; return it when all that report have reported."""
        for meter, _ in list(self._meters.values()):
            norms = meter.read() if self._measured or meter.asks else None
            if norms is not None:
                self._heard = self._measured = meter.active = True
                meter.missed = 0
                self._waiting[meter] = norms
            elif meter.active:
                self._miss(meter)
        active = [meter for meter, _ in self._meters.values() if meter.active]
        if not active or not all(meter in self._waiting for meter in active):
            return None
        waiting, self._waiting = self._waiting, {}
        return joined([(meter.ids, waiting[meter]) for meter in active])

    def _miss(self, meter: Meter) -> None:
        """Wait for a meter that has no row, but not for ever."""
        meter.missed += 1
        if meter.missed > _PATIENCE:
            meter.active = False
            self._waiting.pop(meter, None)

    def _look(self, pace: Pace, loss: float | None, norms: Norms | None) -> None:
        """Have the next steps sampled when the monitor wishes so, or a number is not finite."""
        if wished := self._wished():
            pace.alert(wished)
        if loss is None and norms is None:
            return
        finite = loss is None or math.isfinite(loss)
        if norms is not None and "loss_scale" not in norms.columns:  # there it is in order
            finite = finite and bool(np.isfinite(norms.columns["grad_norm"]).all())
        if self._was_finite and not finite:
            pace.alert(_LOOKED_CLOSER)
        self._was_finite = finite
