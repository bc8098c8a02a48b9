"""Counters as an engine would keep them, and an exposition of given runs at a given time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from flatline_monitor.alerts.report import RunReport
from flatline_monitor.exposition.collector import Exposition
from tests.monitor.reports import START


@dataclass
class Buckets:
    bounds: tuple[float, ...] = (0.001, 0.01)
    counts: Sequence[int] = (0, 0, 0)
    total_seconds: float = 0.0


@dataclass
class Counts:
    received: int = 0
    received_bytes: int = 0
    gaps: int = 0
    duplicates: int = 0
    queue_length: int = 0
    fired: Mapping[tuple[str, str], int] = field(default_factory=dict)
    abstentions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    evaluations: Mapping[str, Buckets] = field(default_factory=dict)


class Monitor:
    """What an exposition looks at; tests change `runs` and `now` between two renderings."""

    def __init__(self, *runs: RunReport, **settings: Any) -> None:
        self.runs = runs
        self.now = START
        self.counts = Counts()
        self.refusals: Mapping[str, int] = {"too_large": 0}
        facts: dict[str, Any] = {
            "reports": lambda: self.runs,
            "counters": self.counts,
            "refusals": lambda: self.refusals,
            "series_cap": 20_000,
            "linger_seconds": 300.0,
            "retention_seconds": 900.0,
            "version": "0.1.0",
            "revision": "b5c3a1f",
            "clock": lambda: self.now,
        }
        self._exposition = Exposition(**facts | settings)

    def text(self) -> str:
        return self._exposition.render().decode()

    def series(self) -> dict[str, float]:
        """Return every sample, by its name and labels as one writes them in PromQL."""
        return {
            _written(sample.name, sample.labels): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


def _written(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{k}={v!r}' for k, v in labels.items())}}}" if labels else name
