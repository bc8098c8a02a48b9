"""flatline's own series: what it received, refused, judged and could not judge."""

from collections.abc import Iterable, Iterator, Mapping

from flatline_monitor.detectors.catalogue import CATALOGUE
from flatline_monitor.detectors.contract import Reason
from flatline_monitor.exposition import metrics
from flatline_monitor.exposition.counters import Counters, Histogram
from flatline_monitor.exposition.metrics import Metric
from flatline_monitor.exposition.text import line, number, sample

_FIRED = [(d.name, severity.value) for d in CATALOGUE for severity in d.severities]
_ABSTAINED = [(d.name, reason.value) for d in CATALOGUE for reason in Reason]


def health_lines(counters: Counters, refusals: Mapping[str, int]) -> dict[str, list[str]]:
    """Write the counters, by family; what has not happened yet is there as 0."""
    return {
        metrics.ALERTS_FIRED.name: _counted(metrics.ALERTS_FIRED, counters.fired, _FIRED),
        metrics.ABSTENTIONS.name: _counted(metrics.ABSTENTIONS, counters.abstentions, _ABSTAINED),
        metrics.EVALUATION_SECONDS.name: [
            text
            for detector, histogram in counters.evaluations.items()
            for text in _histogram(metrics.EVALUATION_SECONDS, detector, histogram)
        ],
        metrics.REPORTS_RECEIVED.name: [sample(metrics.REPORTS_RECEIVED, (), counters.received)],
        metrics.REPORT_BYTES.name: [sample(metrics.REPORT_BYTES, (), counters.received_bytes)],
        metrics.REPORTS_REJECTED.name: [
            sample(metrics.REPORTS_REJECTED, (reason,), count) for reason, count in refusals.items()
        ],
        metrics.REPORTS_DUPLICATE.name: [
            sample(metrics.REPORTS_DUPLICATE, (), counters.duplicates)
        ],
        metrics.REPORT_GAPS.name: [sample(metrics.REPORT_GAPS, (), counters.gaps)],
        metrics.QUEUE_LENGTH.name: [sample(metrics.QUEUE_LENGTH, (), counters.queue_length)],
    }


def _counted(
    metric: Metric, counts: Mapping[tuple[str, str], int], known: Iterable[tuple[str, str]]
) -> list[str]:
    """Return a line for each pair of labels that is known or was counted."""
    # A series that first appears as 1 is an increase that rate() does not see.
    return [sample(metric, pair, counts.get(pair, 0)) for pair in dict.fromkeys([*known, *counts])]


def _histogram(metric: Metric, label: str, histogram: Histogram) -> Iterator[str]:
    """Yield the buckets, which are cumulative in the text format, the sum and the count."""
    keys = (*metric.labels, "le")
    seen = 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        seen += count
        yield line(f"{metric.name}_bucket", keys, (label, number(bound)), seen)
    yield line(f"{metric.name}_sum", metric.labels, (label,), histogram.total_seconds)
    yield line(f"{metric.name}_count", metric.labels, (label,), seen)
