"""What the verdicts of one judged point mean for one another."""

from flatline_monitor.alerts.suppression import weigh
from flatline_monitor.detectors.contract import (
    Abstain,
    Clear,
    Finding,
    Reason,
    Severity,
    Verdict,
)

FOUND = Finding(Severity.WARNING, "something is wrong", ())


def test_a_lone_finding_stays_as_it_is():
    """With nothing else found, nothing changes."""
    verdicts: dict[str, Verdict] = {"vanishing_gradient": FOUND, "no_skill": Clear()}

    assert weigh(verdicts, 100, 0.5) == verdicts


def test_non_finite_silences_the_others():
    """They abstain: neither a new alert nor a false all-clear."""
    weighed = weigh({"non_finite": FOUND, "no_skill": Clear()}, 100, 0.5)

    assert weighed == {"non_finite": FOUND, "no_skill": Abstain(Reason.SUPPRESSED)}


def test_no_skill_makes_vanishing_gradients_critical():
    """Early layers without gradient in a run that does not learn."""
    weighed = weigh({"vanishing_gradient": FOUND, "no_skill": FOUND}, 100, 0.5)

    assert weighed["vanishing_gradient"].severity is Severity.CRITICAL
    assert weighed["no_skill"].severity is Severity.WARNING


def test_a_young_run_is_only_remarked_on():
    """Before 30 % of the plan, what has not happened yet may still happen."""
    assert weigh({"no_skill": FOUND}, 100, 0.29)["no_skill"].severity is Severity.INFO
    assert weigh({"no_skill": FOUND}, 100, 0.30)["no_skill"].severity is Severity.WARNING
    assert weigh({"no_skill": FOUND}, 100, None)["no_skill"].severity is Severity.WARNING


def test_a_young_run_is_paged_for_when_something_says_why():
    """A supporting finding lifts the patience."""
    weighed = weigh({"no_skill": FOUND, "vanishing_gradient": FOUND}, 100, 0.1)

    assert weighed["no_skill"].severity is Severity.WARNING


def test_the_first_steps_of_a_short_run_are_only_remarked_on():
    """A run of twenty steps is over before an optimizer could have done anything."""
    assert weigh({"no_skill": FOUND}, 19, 1.0)["no_skill"].severity is Severity.INFO
    assert weigh({"no_skill": FOUND}, 60, 1.0)["no_skill"].severity is Severity.WARNING
