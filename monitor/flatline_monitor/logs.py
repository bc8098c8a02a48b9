"""Log lines: one event each, for people on a terminal, as JSON anywhere else."""

import logging
import sys
import time
from typing import Any

import structlog

_RARELY_SECONDS = 10.0


def configure_logs(log_format: str, level: str) -> None:
    """Send everything that this process logs, its libraries included, to stderr in one form."""
    people = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if people
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    _quieten()


def _quieten() -> None:
    """Keep what strangers can provoke from filling the disk."""
    # gRPC logs a traceback for each message that it refuses by itself.
    for name in ("grpc", "grpc._cython.cygrpc"):
        logging.getLogger(name).addFilter(_Rarely())
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Rarely(logging.Filter):
    """Passes one record in _RARELY_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_at = -_RARELY_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's signature
        now = time.monotonic()
        if now - self._passed_at < _RARELY_SECONDS:
            return False
        self._passed_at = now
        return True
