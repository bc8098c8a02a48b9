"""Time is relative to the run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flatline_monitor.runs.plan import edge_after, next_edge, scaled

plans = st.none() | st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("plan", "edges"),
    [
        (50, [1, 2, 3, 4]),
        (1_000, [10, 20, 30, 40]),
        (100_000, [50, 100, 150, 200]),
        (None, [1, 2, 3, 4]),
    ],
)
def test_a_planned_run_is_judged_a_hundred_times(plan, edges):
    """Every hundredth of the plan, but at most 50 steps apart; without a plan from step 1."""
    found, edge = [], 0
    for _ in edges:
        edge = next_edge(edge, plan)
        found.append(edge)

    assert found == edges


@pytest.mark.parametrize(("edge", "following"), [(40, 42), (400, 420), (4_000, 4_050)])
def test_without_a_plan_the_pace_follows_what_was_done(edge, following):
    """A twentieth of the steps so far, at most 50."""
    assert next_edge(edge, None) == following


@given(plans, st.integers(0, 20_000))
def test_the_block_of_a_step_is_the_one_that_counting_finds(plan, step):
    """The short cut over far away steps agrees with going edge by edge."""
    begin, end = 0, next_edge(0, plan)
    while end <= step:
        begin, end = end, next_edge(end, plan)

    assert edge_after(step, plan) == (begin, end)


@given(plans)
def test_a_far_away_step_is_found_at_once(plan):
    """A client that claims step 10**15 costs nothing."""
    begin, end = edge_after(10**15, plan)

    assert begin <= 10**15 < end


@pytest.mark.parametrize(
    ("steps", "plan", "expected"), [(500, None, 500), (500, 800, 80), (500, 20, 3), (5, 800, 5)]
)
def test_warmups_are_at_most_a_tenth_of_the_plan(steps, plan, expected):
    """But at least three steps, and never longer than in a long run."""
    assert scaled(steps, plan) == expected
