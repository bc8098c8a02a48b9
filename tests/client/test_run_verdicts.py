"""What the training's own log says of the monitor's verdict: while it runs, and at its end."""

import logging
import time
from typing import Any

import pytest

from flatline import Run
from flatline.rows import Description
from flatline.v1 import monitor_pb2
from flatline.verdicts import Verdicts
from tests.client.peer import Peer, Script, verdict

CAUSE = monitor_pb2.Cause(
    name="learning_rate_too_high",
    title="the learning rate is too high",
    weight=0.8,
    remedy="Divide it by ten.",
    code="model.compile(\n    optimizer=keras.optimizers.Adam(1e-4),\n)\n",
)


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return what was said of a verdict, each line with its level."""
    words = ("flatline: SICK", "flatline: SUSPICIOUS", "flatline: HEALTHY", "flatline: verdict")
    return [
        (record.levelno, record.getMessage().removeprefix("flatline: "))
        for record in caplog.records
        if record.getMessage().startswith((*words, "flatline: remedy", "flatline:     "))
    ]


def closing(level: str = "sick", **fields: Any) -> monitor_pb2.Verdict:
    return verdict(level, closing=True, **fields)


def one_step(script: Script) -> Run:
    """Run one step against a monitor, to the end."""
    with Peer(script=script) as peer:
        run = Run(peer.target)
        run.log(0, loss=1.0)
        run.finish()
    return run


@pytest.mark.parametrize(
    ("levels", "lines"),
    [
        (["healthy"], []),
        (["suspicious"], [(logging.WARNING, "SUSPICIOUS: a suspicious run")]),
        (["sick", "sick", "healthy", "suspicious", "sick"], [(logging.ERROR, "SICK: a sick run")]),
        (
            ["suspicious", "sick"],
            [
                (logging.WARNING, "SUSPICIOUS: a suspicious run"),
                (logging.ERROR, "SICK: a sick run"),
            ],
        ),
        (["unspecified"], []),
    ],
)
def test_a_run_that_becomes_worse_is_one_line(
    caplog: pytest.LogCaptureFixture, levels: list[str], lines: list[tuple[int, str]]
) -> None:
    """Each level once, none for one that is not worse than the last one said."""
    with caplog.at_level("INFO"):
        run = one_step(Script(verdicts=[verdict(level) for level in levels]))

    assert said(caplog) == lines
    if levels != ["unspecified"]:
        assert run.verdict is not None
        assert run.verdict.level == levels[-1]


def test_the_last_word_comes_after_the_end_with_cause_and_remedy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The code is indented as it was, and everything is as loud as the verdict."""
    with caplog.at_level("INFO"):
        one_step(Script(last_verdicts=[closing(causes=[CAUSE, CAUSE])]))

    lines = [record.getMessage() for record in caplog.records]
    assert " finished: 1 steps sent, 0 records dropped" in lines[-6]
    assert said(caplog) == [
        (logging.ERROR, "verdict: sick: a sick run"),
        (logging.ERROR, "remedy: Divide it by ten."),
        (logging.ERROR, "    model.compile("),
        (logging.ERROR, "        optimizer=keras.optimizers.Adam(1e-4),"),
        (logging.ERROR, "    )"),
    ]


def test_the_story_and_the_checkpoint_stand_with_the_last_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A line each; of a healthy run the checkpoint alone."""
    told = {"story": "loss step 7,\nnon_finite step 9", "checkpoint": "keep epoch 3"}
    with caplog.at_level("INFO"):
        for level in ("sick", "healthy"):
            one_step(Script(last_verdicts=[closing(level, causes=[CAUSE], **told)]))

    words = ("story: ", "checkpoint: ", "verdict: ", "remedy: ")
    lines = [record.getMessage().removeprefix("flatline: ") for record in caplog.records]
    assert [line for line in lines if line.startswith(words)] == [
        "verdict: sick: a sick run",
        "story: loss step 7, non_finite step 9",
        "checkpoint: keep epoch 3",
        "remedy: Divide it by ten.",
        "verdict: healthy: a healthy run",
        "checkpoint: keep epoch 3",
    ]


def test_a_healthy_run_is_told_so_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """One line, which is no warning; what may explain a note on it is on its page."""
    with caplog.at_level("INFO"):
        one_step(Script(last_verdicts=[closing("healthy", causes=[CAUSE])]))

    assert said(caplog) == [(logging.INFO, "verdict: healthy: a healthy run")]


def test_a_monitor_without_verdicts_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said, and the end takes no longer than the acknowledgement."""
    with caplog.at_level("INFO"), Peer() as peer:
        run = Run(peer.target)
        run.log(0, loss=1.0)
        peer.memory.wait(lambda: peer.memory.records)
        began = time.monotonic()
        run.finish()

        assert time.monotonic() - began < 2
    assert said(caplog) == []
    assert run.verdict is None
    assert Run(mode="disabled").verdict is None


def test_a_last_word_that_got_lost_with_its_stream_is_heard_on_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The monitor took the end and hung up; the client comes back, and hears it as it opens."""
    script = Script(closes_after=2, verdicts=[closing("healthy")])
    with caplog.at_level("INFO"), Peer(script=script) as peer:
        run = Run(peer.target)
        run.log(0, loss=1.0)
        peer.memory.wait(lambda: peer.memory.records)
        run.finish()

    assert peer.memory.again == [2]
    assert said(caplog) == [(logging.INFO, "verdict: healthy: a healthy run")]


def test_each_fit_has_a_last_word_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """The one on the first fit is not repeated for a second one that heard none."""
    script = Script(last_verdicts=[closing()])
    with caplog.at_level("INFO"), Peer(script=script) as peer:
        run = Run(peer.target)
        run.log(0, loss=1.0)
        run.finish()
        script.last_verdicts = ()
        run.reopen(Description())
        run.log(1, loss=1.0)
        run.finish()

    assert peer.memory.kinds.count("end") == 2
    assert said(caplog) == [(logging.ERROR, "verdict: sick: a sick run")]


def test_a_last_word_that_is_told_again_as_the_run_opens_again_is_not_news() -> None:
    """A monitor tells it to a stream that opens before it has read of the further fit."""
    verdicts = Verdicts()
    verdicts.end()
    verdicts.take(closing())
    verdicts.begin()

    assert verdicts.take(closing()) is None
    verdicts.end()
    assert verdicts.closing is None


def test_foreign_words_are_short_and_plain(caplog: pytest.LogCaptureFixture) -> None:
    """No control character and no flood gets into the log, whatever a monitor sends."""
    hostile = monitor_pb2.Cause(
        title="x\x1b[2J\n" * 1_000,
        remedy="\x07y\r\n" * 1_000,
        code=" " * 3000 + "\x1b[31mrm -rf\x00\n" + "print()\n" * 500,
    )
    with caplog.at_level("INFO"):
        one_step(
            Script(
                verdicts=[verdict(sentence="z\x1b" * 10_000)],
                last_verdicts=[closing(sentence="é\x9b" * 10_000, causes=[hostile] * 9)],
            )
        )

    lines = [line for _, line in said(caplog)]
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 1 + 2 + 12
    assert max(map(len, lines)) < 3000
    assert lines[-1] == "    ..."


def test_endless_verdicts_are_three_things_said() -> None:
    """Two levels are worse than healthy, and of closing verdicts only the last is kept."""
    verdicts = Verdicts()
    levels = ("suspicious", "sick", "healthy")
    told = [verdicts.take(verdict(levels[i % 3])) for i in range(3_000)]
    verdicts.end()
    told += [verdicts.take(closing(levels[i % 3], sentence=str(i))) for i in range(3_000)]

    assert [news.level for news in told if news] == ["suspicious", "sick"]
    assert verdicts.closing is not None
    assert verdicts.closing.sentence == "2999"


def test_a_closing_verdict_on_a_run_that_goes_on_is_said_at_once() -> None:
    """A monitor that had given up a silent run closed it too early."""
    verdicts = Verdicts()

    assert verdicts.take(closing()) is not None
    assert verdicts.closing is None
