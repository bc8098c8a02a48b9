"""What an exception says, as it may leave this machine: short, and without what looks secret.

What is looked for: credentials in addresses, what is called a password, token or key, keys that
are known by how they begin, long random strings, private keys, and the user's name in a path.
It is a filter and no proof: a secret that is an ordinary word goes through.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from flatline.say import plain

MOST_BYTES = 2000
"""Longest text that is sent."""
_WINDOW = 4_000
"""Characters at either end of a text that are looked at: the program waits for it."""
_HEAD = 1200
"""Bytes of a longer text that are its beginning; the rest is its end."""
_GAP = " [...] "
_HIDDEN = "***"
_RANDOM_SHARE = 0.4
"""Changes between small, capital and digit per character: 0.3 in CamelCase, 0.6 by chance."""

# TensorFlow tells where a node was built, frame by frame, with the paths of the user's files.
_FRAME = re.compile(
    r'^[ \t]*(?:File "[^"\n]*", line \d+.*|[~^ ]+|.*\(most recent call last\):)$|\x1b\[[\d;]*m',
    re.MULTILINE,
)
_NAMED = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credentials?|authorization|cookie"
    r"|signature|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key)"
)
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"',;&<>(){}\[\]]+)"""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL),
        _HIDDEN,
    ),
    (re.compile(r"(?<=://)[^\s/@]+@"), f"{_HIDDEN}@"),
    (
        re.compile(rf"""(?i)({_NAMED}["']? ?[=:] ?)(?:(?:bearer|basic) )?{_VALUE}"""),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(rf"(?i)(\b(?:key|sig)=){_VALUE}"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {_HIDDEN}"),
    (
        re.compile(r"\b(?:AKIA|ASIA|gh[pousr]_|github_pat_|sk-|hf_|xox[a-z]-|glpat-)[\w-]{10,}"),
        _HIDDEN,
    ),
    (re.compile(r"\b[0-9a-fA-F]{32,}\b"), _HIDDEN),
    (re.compile(r"((?:/home|/Users|[A-Za-z]:\\+Users)[/\\]+)[^/\\\s\"':]+"), rf"\1{_HIDDEN}"),
)
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{24,}")


def words_of(error: BaseException | None) -> str:
    """Return what an exception says; this never raises, whatever its `__str__` does."""
    if error is None:
        return ""
    try:
        return redacted(str(error))
    except Exception:  # noqa: BLE001 - a foreign __str__ may raise anything
        return ""


def redacted(text: str) -> str:
    """Return a text as one line of at most MOST_BYTES, its end kept, without secrets."""
    if len(text) > 2 * _WINDOW:
        # A word that is cut in two could be the rest of a secret, which nothing tells any more.
        head, tail = text[:_WINDOW].rpartition(" ")[0], text[-_WINDOW:].partition(" ")[2]
        text = f"{head}{_GAP}{tail}"
    text = " ".join(_FRAME.sub("", text).split())
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    text = _LONG.sub(_unless_random, text)
    return _short(plain(text, len(text)))


def _unless_random(found: re.Match[str]) -> str:
    text = found.group()
    kinds = [_kind(character) for character in text]
    changes = sum(a != b for a, b in pairwise(kinds) if a and b)
    letters = sum(map(bool, kinds))
    return _HIDDEN if changes > _RANDOM_SHARE * letters else text


def _kind(character: str) -> str:
    tests: tuple[tuple[Callable[[str], bool], str], ...] = (
        (str.islower, "a"),
        (str.isupper, "A"),
        (str.isdigit, "1"),
    )
    return next((kind for test, kind in tests if test(character)), "")


def _short(line: str) -> str:
    """Return a line of at most MOST_BYTES, of a longer one the beginning and the end."""
    data = line.encode(errors="replace")  # half a surrogate pair has no bytes
    if len(data) <= MOST_BYTES:
        return data.decode()
    tail = MOST_BYTES - _HEAD - len(_GAP)
    parts = (data[:_HEAD], data[-tail:])
    return _GAP.join(part.decode(errors="ignore") for part in parts)
