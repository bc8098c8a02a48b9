"""The report of `make remedies`, as Markdown."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.gallery.tried import Taken, Tried, bars, chances, firsts, recovered


def report(half: str, seed: int, tried: Sequence[Tried]) -> Iterator[str]:
    """Return its lines."""
    taken = [each for each in tried if each.first is not None]
    yield f"# Remedies of the {half} half of the gallery, seed {seed}"
    yield ""
    yield (
        f"{len(tried)} sick programs whose fault shows; of {len(taken)} the first remedy is code "
        "that can be run in the program's place. Shares come with the interval that holds the "
        "true one 19 times of 20 (Wilson)."
    )
    yield ""
    yield "| measure | value | bar | |"
    yield "|---|---|---|---|"
    for bar in bars(tried):
        yield f"| {bar.name} | {bar.value} | {bar.bar} | {'met' if bar.met else 'MISSED'} |"
    yield f"| recover with a random remedy | {chances(tried)} | | |"
    for words, right in (("right", True), ("wrong", False)):
        share = firsts([each for each in tried if each.right is right])
        yield f"| recover with the first remedy, its cause {words} | {share} | | |"
    yield ""
    yield from _by_cause(taken)
    yield from _absent(tried)
    yield from _programs(taken)


def _by_cause(taken: Sequence[Tried]) -> Iterator[str]:
    yield "## By the first cause"
    yield ""
    yield "| cause | programs | recovered |"
    yield "|---|---|---|"
    for cause, count in Counter(each.cause for each in taken).most_common():
        hits = recovered(each.first for each in taken if each.cause == cause).hits
        yield f"| {cause} | {count} | {hits} |"
    yield ""


def _absent(tried: Sequence[Tried]) -> Iterator[str]:
    yield "## Where the first remedy cannot be applied"
    yield ""
    yield "| why | programs |"
    yield "|---|---|"
    for reason, count in Counter(t.reason for t in tried if t.first is None).most_common():
        yield f"| {reason} | {count} |"
    yield ""


def _programs(taken: Sequence[Tried]) -> Iterator[str]:
    yield "## Programs"
    yield ""
    yield "| program | first cause | right | recovered | random remedy | recovered |"
    yield "|---|---|---|---|---|---|"
    for each in taken:
        chance = each.chance.cause if each.chance else "-"
        yield (
            f"| {each.name} | {each.cause} | {'yes' if each.right else 'no'} "
            f"| {_outcome(each.first)} | {chance} | {_outcome(each.chance)} |"
        )


def _outcome(taken: Taken | None) -> str:
    if taken is None:
        return "-"
    return "yes" if not taken.why else f"no: {taken.why}".replace("|", "/")
