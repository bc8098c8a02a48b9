"""Every detector in the catalogue keeps the promises in detectors/contract.py."""

import dataclasses
import inspect

import pytest

from flatline_monitor.alerts.suppression import SILENCES, SILENCES_ALL, SUPPORTS, WORSENS
from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Side
from flatline_monitor.detectors.judge import judge
from flatline_monitor.detectors.settings import relaxed
from flatline_monitor.runs.records import EndStatus
from tests.columns import Signals
from tests.play import alert, firing, play
from tests.signals import HEALTHY, SICK, STEPS
from tests.views import last_view

every_detector = pytest.mark.parametrize("detector", CATALOGUE, ids=lambda d: d.name)
every_healthy = pytest.mark.parametrize("healthy", HEALTHY.values(), ids=HEALTHY)


def test_the_catalogue_has_an_illness_for_each_detector():
    """A detector without a sick run in tests/signals.py is not tested here."""
    assert {detector.name for detector in CATALOGUE} == SICK.keys()


@every_detector
def test_it_fires_on_its_own_illness(detector):
    """Its sick run fires its alert, at the severity that it declares at most."""
    signals = SICK[detector.name]
    state = play(signals.records(end=EndStatus.FINISHED), signals.hello)

    assert firing(state)[detector.name] in detector.severities


@every_detector
@every_healthy
def test_it_is_quiet_on_healthy_runs(detector, healthy):
    """No healthy run ends with an alert of any severity."""
    state = play(healthy.records(end=EndStatus.FINISHED), healthy.hello, (detector,))

    assert firing(state) == {}


@every_detector
@every_healthy
def test_it_never_warns_on_healthy_runs(detector, healthy):
    """At no point of a healthy run is there more than information."""
    for cut in range(50, STEPS, 50):
        records = [*healthy.records()[:1], healthy.chunk(0, cut)]
        worst = firing(play(records, healthy.hello, (detector,))).get(detector.name)

        assert worst in {None, "info"}


@every_detector
def test_it_remembers_nothing(detector):
    """Asked about other runs in between, it still gives the same answer."""
    view = last_view(SICK[detector.name])
    first = judge(detector, view)
    for healthy in HEALTHY.values():
        judge(detector, last_view(healthy))

    assert judge(detector, view) == first


@every_detector
def test_one_nan_step_does_not_blind_it(detector):
    """A single row in which nothing could be measured leaves the finding standing."""
    view = last_view(SICK[detector.name].spoiled_at(STEPS - 10))

    assert isinstance(judge(detector, view), Finding)


@every_detector
def test_it_abstains_on_missing_signals(detector):
    """Without a signal that it needs it says nothing, and says why."""
    for needed in detector.needs - {"loss"}:
        view = last_view(SICK[detector.name].without(needed))

        assert judge(detector, view) == Abstain(Reason.SIGNAL_NOT_SENT)


@pytest.mark.parametrize("detector", [d for d in CATALOGUE if d.warmup], ids=lambda d: d.name)
def test_it_abstains_until_it_has_seen_enough(detector):
    """Short of its warm-up it says nothing at all."""
    view = dataclasses.replace(last_view(SICK[detector.name]), step=0)

    assert judge(detector, view) == Abstain(Reason.WARMING_UP)


@every_detector
def test_it_abstains_where_its_symptom_is_ordinary(detector):
    """A task that it is not for is not judged."""
    for task in detector.not_for:
        view = last_view(SICK[detector.name])
        view = dataclasses.replace(view, hello=dataclasses.replace(view.hello, task=task))

        assert judge(detector, view) == Abstain(Reason.NOT_FOR_THIS_TASK)


@every_detector
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_loss_and_gradients_does_not_matter(detector, scale):
    """A regression in other units is judged the same; a loss in nats has no other units."""
    signals = SICK[detector.name]
    columns = {name: signals.sampled[name] * scale for name in ("grad_norm", "global_grad_norm")}
    if "skill" not in inspect.getdoc(type(detector)):
        signals = signals.scaled(scale)
    assert isinstance(judge(detector, last_view(signals.with_columns(**columns))), Finding)


@every_detector
def test_a_failing_detector_abstains(detector):
    """A fault inside `check` is a verdict like any other, and the next run is judged."""

    def check(self, view):
        raise ZeroDivisionError

    broken = type("Broken", (type(detector),), {"check": check})()

    assert judge(broken, last_view(SICK[detector.name])) == Abstain(Reason.DETECTOR_ERROR)


@every_detector
def test_relaxed_limits_are_on_the_side_of_firing(detector):
    """Hysteresis: what is found stays found under the eased limits."""
    for name, side in detector.relaxable.items():
        strict, eased = getattr(detector, name), getattr(relaxed(detector), name)

        assert eased < strict if side is Side.ABOVE else eased > strict
    assert relaxed(detector).check(last_view(SICK[detector.name])) is not None


@every_detector
def test_it_finds_nothing_wrong_with_the_last_steps_of_a_healthy_run(detector):
    """Clear, and not an abstention: it did look."""
    verdict = judge(detector, last_view(HEALTHY["learns"]))

    assert verdict == Clear()


@every_detector
def test_its_docstring_says_when_it_fires_and_when_not(detector):
    """The docstring carries the headings that `flatline-monitor detectors` prints."""
    doc = inspect.getdoc(type(detector))

    for heading in ("Statistic\n", "Fires when\n", "Must not fire\n", "Sources\n"):
        assert heading in doc


@every_detector
def test_non_finite_values_silence_the_others(detector):
    """When the numbers are lost, only `non_finite` speaks."""
    lost: Signals = SICK["non_finite"]
    state = play(lost.records(end=EndStatus.FAILED), lost.hello)

    assert (alert(state, detector.name).state == "firing") == (detector.name == "non_finite")


def test_the_tables_between_detectors_name_detectors():
    """A name in suppression.py is one of the catalogue."""
    company = [others for others, _ in WORSENS.values()]
    named = {*SILENCES, *WORSENS, *SUPPORTS, SILENCES_ALL}.union(*SILENCES.values(), *company)

    assert named <= SICK.keys()
