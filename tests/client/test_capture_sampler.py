"""Which calls are sampled, by what that costs."""

import math

import pytest

from flatline.capture.sampler import FIRST, LEAST_SECONDS, UNSEEN, Sampler


def train(
    sampler: Sampler, calls: int, *, light: float, cost: float, trace: float = 0.1
) -> list[int]:
    """Train with steps of `light` seconds; return the calls that were sampled."""
    chosen: list[int] = []
    for call in range(calls):
        if sampler.calls_until_due(call) == 0:
            traced = not chosen
            chosen.append(call)
            sampler.sampled(call, light + cost + trace * traced, traced=traced)
        else:
            sampler.light(call, light + trace * (call == 0))
    return chosen


def test_a_short_run_is_seen_whole() -> None:
    """Every call but the first, as long as the allowance lasts."""
    chosen = train(Sampler(0.01, 2.0), 1000, light=0.001, cost=0.0003)

    assert chosen == list(range(1, 1000))


def test_what_the_pairs_leave_of_the_allowance_is_used_too() -> None:
    """All the time of a sampled call is charged until its cost is known, then the cost alone."""
    sampler = Sampler(1e-6, 2.0)
    chosen = train(sampler, 6000, light=0.01, cost=0.001)

    least = 4000 * LEAST_SECONDS / 0.001 / UNSEEN
    assert 2000 <= len(chosen) < 2010 + least
    assert 2.0 <= sampler.spent_seconds < 2.2


def test_the_budget_rules_after_the_allowance() -> None:
    """In the long run the cost is the share that was asked for."""
    for cost in (0.0001, 0.002, 0.03):
        sampler = Sampler(0.01, 0.1)
        calls = 100_000
        chosen = train(sampler, calls, light=0.01, cost=cost)

        share = UNSEEN * (len(chosen) * cost - 0.1) / (calls * 0.01)
        assert share <= 0.0107
        assert share > 0.004


def test_a_long_trace_waits_until_it_is_a_small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that took twenty seconds for its first call is not traced again at once."""
    # Other tests lift it, and share the process.
    monkeypatch.setattr("flatline.capture.sampler.TRACE_ALLOWANCE_SECONDS", 15.0)
    sampler = Sampler(0.01, 2.0)
    sampler.light(0, 20.0)
    assert sampler.postponed_seconds == pytest.approx(26)

    chosen = train(Sampler(0.01, 2.0), 6000, light=0.1, cost=0.001, trace=20.0)

    assert 4800 < chosen[0] < 5400


def test_a_loss_that_is_not_finite_is_followed_call_by_call() -> None:
    """Until it is released, whatever the budget says."""
    sampler = Sampler(0.001, 0.0)
    last = train(sampler, 1000, light=0.01, cost=0.01)[-1]
    assert sampler.calls_until_due(last + 1) > 0

    sampler.forced = True
    assert sampler.calls_until_due(last + 1) == 0


def test_without_budget_and_allowance_nothing_is_sampled() -> None:
    """Not even for a loss that is not finite."""
    sampler = Sampler(0.0, 0.0)
    sampler.forced = True

    assert train(sampler, 100, light=0.01, cost=0.0) == []


def test_what_a_short_run_cost_is_not_known() -> None:
    """Where every call was sampled there is nothing to compare with, and it says so."""
    sampler = Sampler(0.01, 2.0)
    train(sampler, 500, light=0.001, cost=0.0005)

    assert math.isnan(sampler.cost_seconds)


def test_of_a_tiny_step_a_few_microseconds_are_taken_in_any_case() -> None:
    """All that sampling costs, seen by a clock or not; a share of such a step is nothing."""
    sampler = Sampler(0.01, 0.0)
    chosen = train(sampler, 20_000, light=0.0005, cost=0.0001)

    assert UNSEEN * len(chosen) * 0.0001 / 20_000 == pytest.approx(LEAST_SECONDS, rel=0.2)


def test_what_the_rest_takes_is_not_there_for_sampling() -> None:
    """The budget is one for all."""
    alone, beside = Sampler(0.01, 0.0), Sampler(0.01, 0.0)
    beside.own_seconds = 0.00005 / UNSEEN
    usual, fewer = (train(each, 20_000, light=0.01, cost=0.001) for each in (alone, beside))

    assert len(fewer) == pytest.approx(len(usual) / 2, rel=0.1)


def test_the_first_calls_are_sampled_whatever_they_cost() -> None:
    """A fault that is there from the beginning shows then."""
    chosen = train(Sampler(0.001, 0.0), 500, light=0.01, cost=0.01)

    assert chosen[:FIRST] == list(range(1, FIRST + 1))
    assert len(chosen) < FIRST + 20


def test_an_alert_is_looked_at_closely_as_far_as_may_be() -> None:
    """So many calls in a row, until alerts have taken as much as the budget gives."""
    sampler = Sampler(0.001, 0.0)
    last = train(sampler, 1000, light=0.01, cost=0.01)[-1]
    sampler.alert(16)
    calls = [call for call in range(1000, 1040) if _take(sampler, call)]
    assert calls == list(range(1000, 1016))

    taken = 0
    for call in range(1040, 3000):
        sampler.alert(16)
        taken += _take(sampler, call)
    assert last < 1000
    assert taken * 0.01 < 0.7


def _take(sampler: Sampler, call: int) -> bool:
    due = sampler.calls_until_due(call) == 0
    if due:
        sampler.sampled(call, 0.02, traced=False, alerted=sampler.alerting)
    else:
        sampler.light(call, 0.01)
    return due


def test_the_first_call_of_an_epoch_is_no_measure() -> None:
    """It makes the iterator; taken for the cost of sampling it would end all sampling."""
    plain, with_epochs = Sampler(0.01, 0.0), Sampler(0.01, 0.0)
    usual = train(plain, 2000, light=0.001, cost=0.0001)
    chosen: list[int] = []
    for call in range(2000):
        begins = call % 20 == 0
        if begins:
            with_epochs.begin_epoch()
        seconds = 0.001 + 0.01 * begins
        if with_epochs.calls_until_due(call) == 0:
            chosen.append(call)
            with_epochs.sampled(call, seconds + 0.0001, traced=len(chosen) == 1)
        else:
            with_epochs.light(call, seconds)

    assert 0.5 * len(usual) < len(chosen) < 2 * len(usual)
