"""When a run is judged: block edges and warm-ups, functions of its plan and the step alone.

Time is relative: a run of 200 steps and one of 200,000 are looked at about a hundred times each.
The edges never depend on how the rows were cut into messages, so a replayed run gives the same
alerts as the live one.
"""

MOST_STEPS = 50
"""Longest block; in a long run detectors are asked every 50 steps."""
FEWEST_STEPS = 3
"""Least that a warm-up or window is scaled down to."""
YOUNG = 0.3
"""Share of the plan before which what has not happened yet may still happen."""
FEW_SAMPLES = 64
"""Samples of which a mean loss is little noise: in batches of one, windows are as many steps."""


def next_edge(edge: int, plan: int | None) -> int:
    """Return the step at which the block that starts at `edge` is complete.

    A run past its plan counts as having none: its blocks are a twentieth of what it has done.
    """
    pace = plan // 100 if plan is not None and edge < plan else edge // 20
    return edge + min(max(pace, 1), MOST_STEPS)


def edge_after(step: int, plan: int | None, begin: int = 0) -> tuple[int, int]:
    """Return (begin, end) of the block that `step` falls into, counted from the edge `begin`.

    Takes a bounded number of turns however far away the step is.
    """
    end = next_edge(begin, plan)
    while end <= step:
        pace = end - begin
        steady = begin >= MOST_STEPS * 20 or (plan is not None and begin < plan)
        far = min(step, plan) if plan is not None and begin < plan else step
        begin += max(1, (far - begin) // pace) * pace if steady else pace
        end = next_edge(begin, plan)
    return begin, end


def noisy(batch_size: int | None) -> int:
    """Return the steps whose mean loss is no noise: so many as see FEW_SAMPLES samples."""
    return -(-FEW_SAMPLES // max(batch_size or FEW_SAMPLES, 1))


def scaled(steps: int, plan: int | None, row_steps: int = 1) -> int:
    """Return a warm-up or window of a long run as it is in this one: at most 10 % of the plan.

    Of a run whose steps stand for `row_steps` of a training each, as many as those steps fill.
    """
    rows = -(-steps // row_steps)
    most = rows if plan is None else min(rows, plan // 10)
    return min(steps, max(FEWEST_STEPS, most))
