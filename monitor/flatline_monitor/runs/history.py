"""What is kept of one rank of one run: rows of the block that is not full, window, summaries.

Every function returns a new history that shares what did not change; arrays are never changed.
So an older history can be kept as a mark and gone back to, at the price of a few references.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from flatline_monitor.runs import rates
from flatline_monitor.runs.bad import FirstBad, first_bad
from flatline_monitor.runs.blocks import Blocks, append_coarse, append_fine, summarise
from flatline_monitor.runs.crossings import Trails, followed
from flatline_monitor.runs.curve import Curve, before, extended
from flatline_monitor.runs.firsts import Firsts
from flatline_monitor.runs.model import Model
from flatline_monitor.runs.plan import edge_after, next_edge, noisy, scaled
from flatline_monitor.runs.records import Chunk, Evaluation, Hello, Variables
from flatline_monitor.runs.rows import Rows, bad_steps, cut, join, latest, rows_of, thinned
from flatline_monitor.runs.view import RunView

STEPS_KEPT = 512
BEST_WINDOW = 200
FEW_STEPS = 50
"""Steps before which the end of a further fit is none of the run: `fit` may be in a loop."""
EVALUATIONS_KEPT = 256
# Those of 256 classes are 768 numbers; of all evaluations they would make a snapshot of 1 MB.
COUNTS_KEPT = 32


@dataclass(frozen=True, slots=True)
class History:
    """One run as far as it has been seen. `pending` are the rows of [begin, end) so far."""

    hello: Hello
    plan: int | None
    begin: int = 0
    end: int = 1
    step: int = -1
    """Last step that was seen, -1 before the first."""
    epoch: int | None = None
    variables: Variables = field(default_factory=lambda: Variables(0, ()))
    model: Model | None = None
    """What is known of the latest fit before it had learned anything; None: it was not sent."""
    pending: Rows = field(default_factory=Rows)
    window: Rows = field(default_factory=Rows)
    fine: Blocks = field(default_factory=Blocks)
    coarse: Blocks = field(default_factory=Blocks)
    firsts: Firsts = field(default_factory=Firsts)
    bad: FirstBad | None = None
    """Where the numbers went bad; None: they are good."""
    best_loss: float = float("nan")
    """Lowest mean of the losses of any window of BEST_WINDOW steps, scaled, or 64 samples."""
    learning_rate: Mapping[int, float] = field(default_factory=dict)
    """By step, the changes among pending rows, the latest before them, the highest."""
    evaluations: tuple[Evaluation, ...] = ()
    curve: Curve = field(default_factory=Curve)
    trails: Trails = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """The summaries of a run as they stood after `step`, to go back to."""

    step: int
    coarse: Blocks
    firsts: Firsts
    best_loss: float
    trails: Trails = field(default_factory=dict)


def begin(hello: Hello) -> History:
    """Return the history of a run of which nothing was seen yet."""
    first, end = edge_after(0, hello.plan_steps)
    return History(hello, hello.plan_steps, begin=first, end=end)


def begin_at(history: History, step: int) -> History:
    """Return a history that judges by nothing of the time before `step`, and shows all of it."""
    first, end = edge_after(step, history.plan)
    return History(
        history.hello,
        history.plan,
        begin=first,
        end=end,
        step=step - 1,
        variables=history.variables,
        model=history.model,
        learning_rate=rates.until(history.learning_rate, step),
        evaluations=tuple(e for e in history.evaluations if e.step <= step),
        curve=before(history.curve, step),
    )


def without_plan(history: History, hello: Hello) -> History:
    """Return the history of a run that goes on beyond what it had planned."""
    return replace(history, hello=hello, plan=None)


def mark(history: History, step: int) -> Mark:
    """Return what is kept of the run up to the edge after `step`: summaries, and no rows.

    Rows of the next block come again, and what is kept of the recent past fills again.
    """
    return Mark(step, history.coarse, history.firsts, history.best_loss, history.trails)


def back_to(history: History, mark: Mark, step: int) -> History:
    """Return the history as the mark had it, for a run that goes on with `step`."""
    fresh = begin_at(history, step)
    kept = {each.name: getattr(mark, each.name) for each in fields(mark)}
    return replace(fresh, **{**kept, "step": fresh.step})


def ended(history: History) -> History:
    """Return what is kept of a run that is over: enough to show it, and to go on with it."""
    return replace(history, pending=Rows(), window=Rows(), fine=Blocks(), bad=None)


def take(history: History, chunk: Chunk) -> History:
    """Return the history with the chunk's rows pending; they must lie after `history.step`."""
    changes = zip(chunk.learning_rate_step.tolist(), chunk.learning_rate.tolist(), strict=True)
    epochs = chunk.columns.get("epoch")
    taken = replace(
        history,
        pending=join(history.pending, rows_of(chunk)),
        step=int(chunk.step[-1]),
        epoch=history.epoch if epochs is None else int(epochs[-1]),
        learning_rate={**history.learning_rate, **dict(changes)},
    )
    return _thinned(taken)


def told(history: History, record: Variables | Model | Evaluation) -> History:
    """Return the history with what is no step."""
    match record:
        case Variables():
            return replace(history, variables=record)
        case Model():
            return replace(history, model=record)
        case Evaluation():
            return evaluated(history, record)


def evaluated(history: History, evaluation: Evaluation) -> History:
    """Return the history with one pass over a validation set more.

    When there are too many, every other one of the older half goes, but never the best. Counts of
    classes are kept of the latest COUNTS_KEPT.
    """
    kept = (*history.evaluations, evaluation)
    kept = (*map(_uncounted, kept[:-COUNTS_KEPT]), *kept[-COUNTS_KEPT:])
    if len(kept) > EVALUATIONS_KEPT:
        half = len(kept) // 2
        best = min(kept, key=lambda e: _or_infinite(e.metrics.get("loss")))
        older = (e for i, e in enumerate(kept[:half]) if i % 2 == 0 or e is best)
        kept = (*older, *kept[half:])
    return replace(history, evaluations=kept)


def full_blocks(history: History) -> Iterator[tuple[History, Rows]]:
    """Yield, for each block that is complete, the history after it and the block's rows."""
    while history.end <= history.step + 1:
        history = _past_a_gap(history)
        if history.end > history.step + 1:
            return
        rows = cut(history.pending, history.begin, history.end)
        history = _thinned(
            _summarised(
                history,
                rows,
                begin=history.end,
                end=next_edge(history.end, history.plan),
                pending=cut(history.pending, history.end, history.step + 1),
            )
        )
        yield history, rows


def last_block(history: History) -> tuple[History, Rows]:
    """Return the history after the block that never became full, for the run's end."""
    rows = history.pending
    return (_summarised(history, rows, pending=Rows()) if len(rows) else history), rows


def view(history: History, block: Rows, *, final: bool = False, completed: bool = False) -> RunView:
    """Return the picture of the run at the end of a block that is summarised already."""
    newest = int(block.step[0]) if len(block) else history.step + 1
    return _picture(history, history.window, newest, final=final, completed=completed)


def views_at_bad_steps(history: History, block: Rows) -> Iterator[RunView]:
    """Yield the picture of the run at each row with a non-finite value, before the block's end."""
    for step in bad_steps(block).tolist():
        fresh = cut(block, 0, step + 1)
        rows = join(history.window, fresh)
        bad = first_bad(history.bad, rows, fresh)
        yield _picture(replace(history, bad=bad), rows, step)


def _uncounted(evaluation: Evaluation) -> Evaluation:
    if not (evaluation.label_counts or evaluation.prediction_counts or evaluation.correct_counts):
        return evaluation
    return replace(evaluation, label_counts=(), prediction_counts=(), correct_counts=())


def _or_infinite(loss: float | None) -> float:
    return loss if loss is not None and math.isfinite(loss) else math.inf


def _thinned(history: History) -> History:
    """Leave out samples of a block that is not full, which the full one will not need."""
    if history.end <= history.step + 1:
        return history
    if not history.firsts.is_full(_axes_of(history, history.pending).dense):
        return history
    return replace(history, pending=thinned(history.pending))


def _past_a_gap(history: History) -> History:
    """Go on to the block of the first row that is there, when steps before it never arrived."""
    first = int(history.pending.step[0])
    if first < history.end:
        return history
    start, end = edge_after(first, history.plan, history.begin)
    return replace(history, begin=start, end=end)


def _axes_of(history: History, rows: Rows) -> Variables:
    """Return what the sampled rows go by; nothing while those of a new list are due."""
    named = history.variables
    return named if rows.sampled.revision in {0, named.revision} else Variables(named.revision, ())


def _picture(
    history: History, rows: Rows, newest: int, *, final: bool = False, completed: bool = False
) -> RunView:
    # An evaluation comes before the first row after it, and before or after the rows before it:
    # it counts from that first row on, so that verdicts do not hang on the cut of the messages.
    plan, step = history.plan, int(rows.step[-1]) if len(rows) else history.step
    axes = _axes_of(history, rows)
    if final and plan is None and (not history.hello.fit or step >= FEW_STEPS):
        plan = history.step + 1
    return RunView(
        hello=history.hello,
        plan=plan if final or plan is None or step < plan else None,
        step=step,
        final=final,
        completed=completed,
        rows=rows,
        sampled_from=newest,
        fine=history.fine,
        coarse=history.coarse,
        firsts=history.firsts,
        bad=history.bad,
        best_loss=history.best_loss,
        variables=axes.variables,
        inputs=history.variables.inputs,
        activations=axes.activations,
        untrained=axes.untrained,
        learning_rate=rates.until(history.learning_rate, step),
        evaluations=tuple(e for e in history.evaluations if e.step <= step + final),
        model=history.model,
    )


def _summarised(history: History, rows: Rows, **moved: Any) -> History:
    """Return the history with a block of rows summarised, and with what else has moved on."""
    block = summarise(rows)
    window = latest(history.window, rows, STEPS_KEPT)
    return replace(
        history,
        window=window,
        fine=append_fine(history.fine, block),
        coarse=append_coarse(history.coarse, block),
        firsts=history.firsts.then(rows, _axes_of(history, rows).dense),
        bad=first_bad(history.bad, window, rows),
        best_loss=_best_loss(history, window),
        learning_rate=rates.kept(history.learning_rate, moved.get("begin", history.begin)),
        curve=extended(history.curve, rows, history.learning_rate),
        trails=followed(
            history.trails, rows, _axes_of(history, rows).variables, history.learning_rate
        ),
        **moved,
    )


def _best_loss(history: History, window: Rows) -> float:
    """Return the lowest of the mean losses of all full windows so far, this one's included."""
    steps = max(scaled(BEST_WINDOW, history.plan), noisy(history.hello.batch_size))
    losses = window.loss[-steps:][window.loss_known[-steps:]]
    if len(losses) < steps // 2 or not np.isfinite(losses).all():
        return history.best_loss
    return float(np.fmin(history.best_loss, losses.mean(dtype=np.float64)))
