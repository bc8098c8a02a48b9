"""The declared metrics and the rendered page are the same list."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Reason
from flatline_monitor.exposition.metrics import METRICS, Kind, Metric
from tests.deploy.promtool import promtool
from tests.monitor.exposition.counting import Buckets, Monitor
from tests.monitor.reports import firing_alert, run_report

README = Path(__file__).parents[3] / "README.md"
UGLY = 'a"b\\c\nd\u2028e\N{PILE OF POO}'


def full() -> Monitor:
    """Return a monitor with at least one series of every family, and strange names."""
    names = {"name": UGLY, "project": "<b>", "user": ""}
    monitor = Monitor(
        run_report(hello=names, alerts=(firing_alert("no_skill"),)),
        run_report("dull-rock-00b2", loss=float("nan"), learning_rate=float("inf")),
    )
    monitor.counts.evaluations = {"no_skill": Buckets(counts=(3, 1, 1), total_seconds=0.5)}
    return monitor


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_declared_metric_is_rendered_as_declared(metric: Metric) -> None:
    """Name, type, help and labels of the table are those of the page."""
    families = {f.name: f for f in text_string_to_metric_families(full().text())}

    family = families[metric.name.removesuffix("_total")]
    assert family.type == metric.kind
    assert family.documentation == f"[{metric.stability.upper()}] {metric.help}"
    labels = {key for sample in family.samples for key in sample.labels} - {"le"}
    assert labels == set(metric.labels)


def test_every_rendered_metric_is_declared() -> None:
    """Only process_ and python_ metrics come from elsewhere."""
    rendered = {line.split()[2] for line in full().text().splitlines() if line[:6] == "# TYPE"}

    own = {name for name in rendered if not name.startswith(("process_", "python_"))}
    assert own == {metric.name for metric in METRICS}
    assert {"process_cpu_seconds_total", "python_info"} < rendered


def test_a_counter_is_called_total_and_nothing_else_is() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)


def test_the_samples_of_a_family_stand_together() -> None:
    """Prometheus' parser takes a family that comes twice for an error."""
    names = [line.split("{")[0].split()[0] for line in full().text().splitlines() if line[0] != "#"]

    changes = [name for before, name in zip([""], names, strict=False) if name != before]
    assert len(changes) == len(set(changes))


def test_promtool_finds_nothing_to_say() -> None:
    """The page passes Prometheus' own linter, strange names included."""
    assert promtool("check", "metrics", stdin=full().text()) == (0, "")


def test_what_has_not_happened_is_there_as_zero() -> None:
    """A series that first appears as 1 would be an increase that nobody sees."""
    series = Monitor().series()

    for detector in CATALOGUE:
        for severity in detector.severities:
            key = f"{{detector={detector.name!r},severity={severity.value!r}}}"
            assert series["flatline_alerts_fired_total" + key] == 0
        for reason in Reason:
            key = f"{{detector={detector.name!r},reason={reason.value!r}}}"
            assert series["flatline_detector_abstentions_total" + key] == 0
    assert series["flatline_reports_rejected_total{reason='too_large'}"] == 0


def test_counts_are_those_of_the_engine() -> None:
    monitor = Monitor()
    monitor.counts.received = 7
    monitor.counts.fired = {("no_skill", "warning"): 2, ("of_a_plugin", "info"): 1}
    monitor.refusals = {"too_large": 3}
    series = monitor.series()

    assert series["flatline_reports_received_total"] == 7
    assert series["flatline_alerts_fired_total{detector='no_skill',severity='warning'}"] == 2
    assert series["flatline_alerts_fired_total{detector='of_a_plugin',severity='info'}"] == 1
    assert series["flatline_reports_rejected_total{reason='too_large'}"] == 3


def test_buckets_are_cumulative() -> None:
    monitor = full()
    name = "flatline_detector_evaluation_seconds"
    lines = [line for line in monitor.text().splitlines() if line.startswith(name)]

    assert lines == [
        f'{name}_bucket{{detector="no_skill",le="0.001"}} 3',
        f'{name}_bucket{{detector="no_skill",le="0.01"}} 4',
        f'{name}_bucket{{detector="no_skill",le="+Inf"}} 5',
        f'{name}_sum{{detector="no_skill"}} 0.5',
        f'{name}_count{{detector="no_skill"}} 5',
    ]


def test_the_readme_lists_what_is_exported() -> None:
    """Each metric with its labels and its promise, and no other."""
    listed = set()
    for line in README.read_text().splitlines():
        if line.startswith("| `flatline_"):
            name, labels, stability = (cell.strip() for cell in line.strip("|").split("|"))
            listed.add((name.strip("`"), labels, stability))

    assert listed == {(m.name, ", ".join(m.labels), m.stability.name) for m in METRICS}
