"""Says a line to the person who watches the training.

Lines go to the logger "flatline". Who has not set up logging sees them on stderr; who has set it
up decides there. The root logger is never touched.
"""

import contextlib
import logging
import sys
import traceback

log = logging.getLogger("flatline")
log.addHandler(logging.NullHandler())


def say(sentence: str, level: int = logging.INFO, error: BaseException | None = None) -> None:
    """Say one line, with the error's traceback where one is given; this never raises."""
    line = f"flatline: {sentence}"
    with contextlib.suppress(Exception):
        log.log(level, "%s", line, exc_info=error)
    if not _somebody_listens():
        # A closed or missing stderr is the program's choice, and no reason to disturb it.
        with contextlib.suppress(Exception):
            _print(line, error)


def plain(text: str, characters: int = 500) -> str:
    """Return foreign text as one line that is safe to print, cut to so many characters."""
    text = " ".join(text[: 2 * characters].split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= characters else text[: characters - 1] + "…"


def name(text: str) -> str:
    """Return foreign text as the monitor takes it for a name: one line of at most 128 bytes."""
    return plain(str(text)).encode(errors="replace")[:128].decode(errors="ignore")


def shown(value: object, characters: int = 80) -> str:
    """Return a value as a message shows it, cut to so many characters."""
    try:
        return plain(repr(value), characters)
    except Exception:  # noqa: BLE001 - a foreign __repr__ may raise anything
        return type(value).__name__


def _somebody_listens() -> bool:
    """Whether the user's program has given the logger, or the root above it, a handler."""
    logger: logging.Logger | None = log
    while logger is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _print(line: str, error: BaseException | None) -> None:
    if error is not None:
        line += "\n" + "".join(traceback.format_exception(error)).rstrip()
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
