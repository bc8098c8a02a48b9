"""The engine counts rows as steps; people read epochs, or steps as the log counts them."""

import re

from flatline_monitor.lint.log import Kind, Log

_AT = re.compile(r"\bstep (\d+)\b")
_MANY = re.compile(r"\b(\d+|last|in) steps\b")


def place(log: Log, row: int) -> str:
    """Return where a row is: "epoch 7" of epochs, "step 1500" of steps."""
    trained = log.trained
    return f"{log.kind} {trained[min(max(row, 0), len(trained) - 1)].at:.10g}"


def in_words_of(log: Log, text: str) -> str:
    """Return a sentence of the engine with its rows as the log counts them."""
    unit = "epochs" if log.kind is Kind.EPOCH else "rows"
    text = _AT.sub(lambda found: place(log, int(found[1])), text)
    return _MANY.sub(lambda found: f"{found[1]} {unit}", text)
