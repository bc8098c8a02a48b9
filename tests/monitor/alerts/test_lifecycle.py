"""An alert's life, one letter for each judged point: F finding, c clear, ? abstain."""

import pytest

from flatline_monitor.alerts.lifecycle import Alert, advance
from flatline_monitor.detectors.contract import Abstain, Clear, Finding, Reason, Severity


def finding(severity=Severity.WARNING, since=None):
    return Finding(severity, "something is wrong", (), since_step=since)


VERDICT = {
    "F": finding(),
    "i": finding(Severity.INFO),
    "C": finding(Severity.CRITICAL),
    "c": Clear(),
    "?": Abstain(Reason.WARMING_UP),
}
LETTER = {"inactive": "-", "pending": "p", "firing": "X", "resolved": "r"}


def live(story, hold=3, keep=2):
    alert, states = Alert(), ""
    for step, letter in enumerate(story):
        alert = advance(alert, VERDICT[letter], step, hold=hold, keep=keep)
        states += LETTER[alert.state]
    return alert, states


@pytest.mark.parametrize(
    ("story", "states"),
    [
        ("ccFFFFccc", "--ppXXXrr"),
        ("FFcFFF", "pp-ppX"),
        ("FFFcFcc", "ppXXXXr"),
        ("FFF????", "ppXXXXX"),
        ("F??F?F", "pppppX"),
        ("FFFccFFF", "ppXXrppX"),
        ("FFFccFcc", "ppXXrp--"),
    ],
    ids=[
        "fires, then resolves",
        "a blip is forgotten",
        "a short lull keeps it firing",
        "a gap in the data resolves nothing",
        "a gap does not count as a finding",
        "it may come back",
        "and may not",
    ],
)
def test_life(story, states):
    """Each verdict moves the alert as the picture in lifecycle.py says."""
    assert live(story)[1] == states


def test_with_hold_1_the_first_finding_fires():
    """hold=1 skips pending."""
    assert live("F", hold=1)[1] == "X"


@pytest.mark.parametrize(
    ("story", "severity"),
    [
        ("iii", "info"),
        ("iiF", "info"),
        ("iFFF", "warning"),
        ("FFFCi", "warning"),
        ("CCC", "critical"),
        ("CCCi", "critical"),
        ("CCCii", "info"),
        ("CCCFFi", "warning"),
    ],
)
def test_severity_is_the_highest_that_has_lasted(story, severity):
    """One worse finding among milder ones makes it no worse, one milder one no milder; two do."""
    assert live(story)[0].severity == severity


def test_it_says_since_when():
    """Since is the first finding of the episode, seen the latest."""
    alert, _ = live("cFFFF")

    assert (alert.since, alert.seen) == (1, 4)


def test_a_detector_that_knows_better_says_since_when():
    """A finding may carry the step at which its symptom began."""
    alert = advance(Alert(), finding(since=17), 20, hold=1, keep=5)

    assert alert.since == 17


def test_a_new_episode_starts_afresh():
    """After it was resolved, severity and since are those of the new episode."""
    alert, _ = live("CCCccFFF")

    assert (alert.severity, alert.since) == ("warning", 5)
