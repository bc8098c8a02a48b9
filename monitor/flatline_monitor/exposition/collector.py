"""Renders what is true now, each time Prometheus asks.

Nothing is registered and nothing must be removed: a run that the registry has forgotten, or
that ended long enough ago, is simply not written any more.
"""

from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from flatline_monitor.alerts.report import RunReport, RunState
from flatline_monitor.exposition import metrics
from flatline_monitor.exposition.counters import Counters
from flatline_monitor.exposition.health import health_lines
from flatline_monitor.exposition.metrics import METRICS
from flatline_monitor.exposition.run_block import Block, render_block
from flatline_monitor.exposition.text import header, sample


class Exposition:
    """The page at /metrics; to be used by one thread.

    `linger_seconds` after a run ended its alerts go to 0: until then they stay as they were, so
    that a run of one second still pages. `retention_seconds` after it ended, its series go.
    A stalled run has not ended.
    """

    def __init__(  # noqa: PLR0913 - its parts and limits, each joined by name in app.py alone
        self,
        *,
        reports: Callable[[], Sequence[RunReport]],
        counters: Counters,
        refusals: Callable[[], Mapping[str, int]],
        series_cap: int,
        linger_seconds: float,
        retention_seconds: float,
        version: str,
        revision: str,
        clock: Callable[[], float],
    ) -> None:
        self._reports = reports
        self._counters = counters
        self._refusals = refusals
        self._series_cap = series_cap
        self._linger_seconds = linger_seconds
        self._retention_seconds = retention_seconds
        self._build = sample(metrics.BUILD_INFO, (version, revision), 1)
        self._clock = clock
        self._written: dict[str, tuple[RunReport, bool, Block]] = {}
        self._left_out: dict[str, int] = {}
        self._dropped = 0
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def render(self) -> bytes:
        """Return the page, in Prometheus' text format 0.0.4; see `text.CONTENT_TYPE`."""
        now = self._clock()
        runs = [run for run in self._reports() if not _over(run, now, self._retention_seconds)]
        blocks = self._blocks(runs, now)
        own = self._own(runs)
        bare = self._bare(runs, blocks, sum(map(len, own.values())) + 1)
        own[metrics.SERIES_DROPPED.name] = [sample(metrics.SERIES_DROPPED, (), self._dropped)]
        parts: list[str] = []
        for metric in METRICS:
            parts.append(header(metric))
            if "run" not in metric.labels:
                parts += own[metric.name]
                continue
            left_out = bare if metric.optional else {}
            parts += [b.text[metric.name] for run_id, b in blocks.items() if run_id not in left_out]
        return "".join(parts).encode() + generate_latest(self._process)

    def _blocks(self, runs: Sequence[RunReport], now: float) -> dict[str, Block]:
        """Return each run's lines; those of a run that did not change are not written again."""
        before, self._written = self._written, {}
        for run in runs:
            quiet = _over(run, now, self._linger_seconds)
            known = before.get(run.run_id)
            if known is None or known[1] is not quiet or known[0] != run:
                known = (run, quiet, render_block(run, quiet=quiet))
            self._written[run.run_id] = known
        return {run_id: block for run_id, (_, _, block) in self._written.items()}

    def _own(self, runs: Sequence[RunReport]) -> dict[str, list[str]]:
        """Return the lines without a run, by family, but for the series dropped."""
        running = sum(run.state is RunState.RUNNING for run in runs)
        return {
            **health_lines(self._counters, self._refusals()),
            metrics.BUILD_INFO.name: [self._build],
            metrics.ACTIVE_RUNS.name: [sample(metrics.ACTIVE_RUNS, (), running)],
        }

    def _bare(
        self, runs: Sequence[RunReport], blocks: Mapping[str, Block], own: int
    ) -> Mapping[str, int]:
        """Return the runs without their optional series, and how many they would have had."""
        over = own + sum(b.required + b.optional for b in blocks.values()) - self._series_cap
        bare: dict[str, int] = {}
        for run in sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True):
            if over <= 0:
                break
            bare[run.run_id] = blocks[run.run_id].optional
            over -= bare[run.run_id]
        self._count_dropped(bare, blocks)
        return bare

    def _count_dropped(self, bare: Mapping[str, int], blocks: Mapping[str, Block]) -> None:
        """Count each series of a run once, however often it comes and goes."""
        known = {run_id: n for run_id, n in self._left_out.items() if run_id in blocks}
        for run_id, series in bare.items():
            self._dropped += max(0, series - known.get(run_id, 0))
            known[run_id] = max(series, known.get(run_id, 0))
        self._left_out = known


def _over(run: RunReport, now: float, seconds: float) -> bool:
    """Return whether the run ended, or was given up, that long ago."""
    if run.ended_at is None or run.state is RunState.RUNNING:
        return False
    return now - run.ended_at >= seconds
