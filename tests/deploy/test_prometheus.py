"""Rules and example of deploy/prometheus load, behave, and ask for what is exported."""

import re

from flatline_monitor.exposition.metrics import METRICS
from tests.deploy.promtool import PROMETHEUS, promtool

RULES = "flatline.rules.yml"


def test_the_rules_have_nothing_for_the_linter() -> None:
    code, said = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert code == 0, said


def test_the_rules_fire_and_resolve_as_their_examples_say() -> None:
    """A lost series is no recovery; a finished run is not a stalled one."""
    code, said = promtool("test", "rules", "flatline.rules.test.yml")

    assert code == 0, said


def test_prometheus_takes_the_example() -> None:
    code, said = promtool("check", "config", "prometheus.yml")

    assert code == 0, said


def test_every_alert_has_an_example() -> None:
    """An alert that no example mentions would pass without one."""
    alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / RULES).read_text())
    examples = (PROMETHEUS / "flatline.rules.test.yml").read_text()

    assert alerts
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n", examples), alert


def test_the_rules_ask_only_for_metrics_that_are_declared() -> None:
    """A misspelt metric would make an alert that never fires."""
    names = set(re.findall(r"flatline_\w+", (PROMETHEUS / RULES).read_text()))

    assert names
    assert names <= {metric.name for metric in METRICS}


def test_the_rules_group_by_labels_that_are_exported() -> None:
    """The label job comes from Prometheus, everything else from the metric."""
    declared = {metric.name: {"job", *metric.labels} for metric in METRICS}
    rules = (PROMETHEUS / RULES).read_text()
    grouped = re.findall(r"by \(([^)]*)\) \((?:rate\()?(flatline_\w+)(?:{(\w+)=)?", rules)

    assert len(grouped) == len(re.findall(r" by \(", rules))
    for labels, metric, matched in grouped:
        assert {*labels.split(", "), matched} - {""} <= declared[metric]
