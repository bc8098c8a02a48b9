"""What the monitor asks a client for: more sampled steps, when they would settle something."""

import asyncio
import dataclasses

import pytest

from flatline_monitor.alerts.book import Page
from flatline_monitor.alerts.lifecycle import Alert, State
from flatline_monitor.alerts.report import RunState
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Reason
from flatline_monitor.engine.advance import Run
from flatline_monitor.engine.wishes import MOST_STEPS, wished
from flatline_monitor.runs.records import NO_SAMPLES
from tests.columns import Signals
from tests.monitor.engine.test_local import Client, Disk, opened, raw_of, router_on
from tests.play import play
from tests.signals import STREAM, collapsed, run

SINCE = 100
LONG = 4_000
"""A plan whose judged points are 40 steps apart."""


def at(signals: Signals, state: State, abstained: Reason | None = None, **others: State) -> Run:
    """A run in which class_collapse stands so, and others as named."""
    steps = signals.chunk(0, signals.steps)
    judged = play([signals.records()[0], steps], signals.hello)
    pages = {name: Page(Alert(other, since=SINCE)) for name, other in others.items()}
    pages["class_collapse"] = Page(Alert(state, since=SINCE), abstained=abstained)
    return dataclasses.replace(judged, book=pages)


SPARSE = run().sparse(20)


@pytest.mark.parametrize(
    ("state", "abstained", "others", "wishes"),
    [
        (State.PENDING, None, {}, True),
        (State.PENDING, Reason.NO_NEW_SAMPLE, {}, True),
        (State.PENDING, Reason.SUPPRESSED, {}, False),
        (State.INACTIVE, None, {}, False),
        (State.FIRING, None, {}, False),
        (State.FIRING, Reason.NO_NEW_SAMPLE, {}, False),
        (State.INACTIVE, Reason.NO_NEW_SAMPLE, {}, False),
        (State.INACTIVE, Reason.NO_NEW_SAMPLE, {"stagnation": State.PENDING}, True),
        (State.INACTIVE, Reason.NO_NEW_SAMPLE, {"stagnation": State.FIRING}, True),
        (State.INACTIVE, Reason.NO_NEW_SAMPLE, {"stagnation": State.RESOLVED}, False),
        (State.INACTIVE, Reason.SIGNAL_NOT_SENT, {"stagnation": State.FIRING}, False),
        (State.INACTIVE, None, {"stagnation": State.PENDING}, False),
    ],
)
def test_more_is_wished_for_where_it_would_settle_something(
    state: State, abstained: Reason | None, others: dict[str, State], *, wishes: bool
) -> None:
    """A finding that is to be confirmed, or one beside a detector that lacks samples."""
    assert bool(wished(at(SPARSE, state, abstained, **others), CATALOGUE)) is wishes


@pytest.mark.parametrize(("spacing", "wishes"), [(1, False), (2, False), (6, True), (50, True)])
def test_nothing_is_wished_for_where_most_steps_are_sampled(spacing: int, *, wishes: bool) -> None:
    """More than all there is cannot be had."""
    assert bool(wished(at(run().sparse(spacing), State.PENDING), CATALOGUE)) is wishes


def test_a_client_that_never_samples_is_not_asked_to() -> None:
    """A loop of its own logs its loss, and cannot do more."""
    bare = play([run().records()[0], dataclasses.replace(run().chunk(0, 300), sampled=NO_SAMPLES)])
    pending = {"class_collapse": Page(Alert(State.PENDING))}

    assert wished(dataclasses.replace(bare, book=pending), CATALOGUE) == 0


def test_a_run_that_is_over_is_not_asked() -> None:
    """There is no next step."""
    over = dataclasses.replace(at(SPARSE, State.PENDING), state=RunState.FINISHED)

    assert wished(over, CATALOGUE) == 0


@pytest.mark.parametrize(("plan", "steps"), [(400, 12), (1_000, 30), (LONG, MOST_STEPS)])
def test_a_wish_covers_a_few_judged_points(plan: int, steps: int) -> None:
    """As many as an alert needs to fire, and never many steps."""
    short = run(steps=300).sparse(20)

    assert wished(at(short.with_plan(plan), State.PENDING), CATALOGUE) == steps


@pytest.mark.parametrize(
    ("plan", "ago", "wishes"),
    [(LONG, 0, False), (LONG, 199, False), (LONG, 200, True), (100, 49, False), (100, 50, True)],
)
def test_wishes_lie_apart(plan: int, ago: int, *, wishes: bool) -> None:
    """By 200 steps or 50 judged points, whichever are fewer; a step that went back may ask."""
    signals = run(steps=min(plan - 1, 400)).sparse(33).with_plan(plan)
    pending = at(signals, State.PENDING)
    step = pending.history.step

    assert bool(wished(pending, CATALOGUE, step - ago)) is wishes
    assert wished(pending, CATALOGUE, step + 1)


@pytest.mark.parametrize(("last", "wishes"), [(None, True), (SINCE - 1, True), (SINCE, False)])
def test_a_run_that_stays_ill_is_looked_at_more_closely_once(
    last: int | None, *, wishes: bool
) -> None:
    """When something has begun since the last wish; an alert that is pending may wish again."""
    ill = at(SPARSE, State.INACTIVE, Reason.NO_NEW_SAMPLE, stagnation=State.FIRING)
    pending = at(SPARSE, State.PENDING, stagnation=State.FIRING)

    assert bool(wished(ill, CATALOGUE, last)) is wishes
    assert wished(pending, CATALOGUE, last)


def told(records: list, restart_after: int | None = None) -> Client:
    """Play a run over a router, which may be replaced; return what its client has heard."""

    async def tell() -> Client:
        disk, client = Disk(), Client()
        router = router_on(disk)
        await opened(router, client)
        for number, record in enumerate(records, 1):
            await router.submit(STREAM, number, record, raw_of(number, record))
            if number == restart_after:
                await router.drain()
                before = len(client.wishes)
                router = router_on(disk)
                router.restore([disk.remembered()])
                await opened(router, client)
                assert len(client.wishes) == before
        return client

    return asyncio.run(tell())


def test_a_client_is_asked_while_an_alert_is_pending_and_not_flooded() -> None:
    """Of a sparse run that collapses; the same run in full is not asked for anything."""
    sick = collapsed()
    cuts = range(0, 400, 4)

    few = told(sick.sparse(10).records(cuts))
    assert 1 <= len(few.wishes) <= 2
    assert set(few.wishes) == {12}
    assert told(sick.records(cuts)).wishes == []


def test_a_journal_that_is_fed_again_asks_for_nothing() -> None:
    """A restart of the monitor is no news to the training."""
    records = collapsed().sparse(10).records(range(0, 400, 4))

    assert told(records, restart_after=60).wishes
