"""Pictures of made-up runs, as detectors get them."""

import dataclasses

from flatline_monitor.runs import history as histories
from flatline_monitor.runs.records import Hello
from flatline_monitor.runs.rows import Rows
from flatline_monitor.runs.view import RunView
from tests.columns import VARIABLES, Signals


def last_view(signals: Signals, *, steps: int | None = None, final: bool = False) -> RunView:
    """The view at the last block edge of the run, or of its first `steps` steps."""
    hello: Hello = signals.hello
    history = histories.begin(hello)
    history = dataclasses.replace(history, variables=VARIABLES, model=signals.model)
    for evaluation in signals.evaluations(0, steps or signals.steps):
        history = histories.evaluated(history, evaluation)
    history = histories.take(history, signals.chunk(0, steps or signals.steps))
    block = Rows()
    for history, block in histories.full_blocks(history):  # noqa: B007, B020 - the last one
        pass
    return histories.view(history, block, final=final)
