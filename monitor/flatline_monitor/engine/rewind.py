"""Going back to an earlier step: a restart from a checkpoint.

At block edges now and then a mark is kept: what the run's summaries were there. When a step comes
that was seen already, the run goes on from the newest mark before it. Alerts stay, and so does
what is true of the run whatever its step: its hello, its plan, its variables.
"""

from flatline_monitor.runs import history as histories
from flatline_monitor.runs.history import History, Mark

MOST_MARKS = 4
LEAST_SPACING = 32


def marked(marks: tuple[Mark, ...], history: History) -> tuple[Mark, ...]:
    """Return the marks with this edge among them, if the last one is far enough away.

    Their spacing doubles when there are too many, so that they always span the whole run.
    """
    # The last row that is summarised, which is not the last that has arrived.
    edge = int(history.window.step[-1])
    spacing = max(LEAST_SPACING, marks[-1].step // MOST_MARKS if marks else 0)
    if marks and edge - marks[-1].step < spacing:
        return marks
    more = (*marks, histories.mark(history, edge))
    return more[::2] if len(more) > MOST_MARKS else more


def rewound(history: History, marks: tuple[Mark, ...], step: int) -> tuple[History, str]:
    """Return the history before `step`, and a sentence about it for people."""
    what = f"step {step} after step {history.step}: taken as a restart from a checkpoint"
    for mark in reversed(marks):
        if mark.step < step:
            back = histories.back_to(history, mark, step)
            return back, f"{what}; judged on from step {mark.step + 1}"
    fresh = histories.begin_at(history, step)
    return fresh, f"{what}; nothing is kept from before it, so it is judged anew"
