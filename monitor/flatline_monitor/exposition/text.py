"""The text format of Prometheus, version 0.0.4, as far as flatline writes it.

prometheus_client would do, but takes seconds for 100,000 series where this takes milliseconds,
and a scrape holds up the acknowledgements of trainings for as long as it runs.
"""

import math

from flatline_monitor.exposition.metrics import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def escape(value: str) -> str:
    """Return a label's value as it stands between quotes; only three characters need it."""
    return value.translate(_ESCAPES)


def number(value: float) -> str:
    """Return a value as Prometheus writes it."""
    if math.isfinite(value):
        return str(value) if isinstance(value, int) else repr(float(value))
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def header(metric: Metric) -> str:
    """Return the two lines that open a family."""
    text = f"[{metric.stability.upper()}] {metric.help}".replace("\\", r"\\")
    return f"# HELP {metric.name} {text}\n# TYPE {metric.name} {metric.kind}\n"


def sample(metric: Metric, labels: tuple[str, ...], value: float) -> str:
    """Return one line of a gauge or a counter; labels in the order of the metric's."""
    return line(metric.name, metric.labels, labels, value)


def line(name: str, keys: tuple[str, ...], labels: tuple[str, ...], value: float) -> str:
    """Return one line of any series."""
    if not keys:
        return f"{name} {number(value)}\n"
    pairs = ",".join(f'{k}="{escape(v)}"' for k, v in zip(keys, labels, strict=True))
    return f"{name}{{{pairs}}} {number(value)}\n"
