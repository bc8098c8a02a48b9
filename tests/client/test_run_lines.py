"""What a run says in the training's own log: one line for each thing worth knowing."""

import logging
import math
import time
from typing import Any

import pytest

from flatline import Run
from flatline.findings import Findings
from flatline.v1 import monitor_pb2
from tests.client.peer import Memory, Peer, Script, finding


def lines(caplog: pytest.LogCaptureFixture, start: str = "flatline: ") -> list[str]:
    """Return what was said in the training's log, from a word on."""
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith(start)]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"loss": "high"}, "loss is 'high'; it must be a number"),
        ({"loss": object}, "it must be a number"),
        ({"sampled": {"grad_nrom": [1, 2]}}, "sampled has no column 'grad_nrom'; it has"),
        ({"sampled": {"grad_norm": [1, 2, 3]}}, "grad_norm has shape (3,); it must have 2 numbers"),
        ({"sampled": {"label_count": [1] * 300}}, "has 300 numbers; it must have at most 256"),
        ({"sampled": {"sample_count": -1}}, "it must hold counts, 0 or more"),
        ({"sampled": {"input_mean": [1.0]}}, "it must have 0 numbers"),
        ({"sampled": [1]}, "sampled is [1]; it must be a dict of columns"),
        ({"epoch": -1}, "epoch is -1"),
        ({"a" * 65: 1.0}, "1 to 64 printable bytes"),
    ],
)
def test_a_wrong_value_is_said_once_and_left_out(
    peer: Peer, caplog: pytest.LogCaptureFixture, wrong: dict[str, Any], sentence: str
) -> None:
    """Neither the loop nor the rest of the step suffers."""
    with caplog.at_level("INFO"), Run(peer.target, variables=["a", "b"]) as run:
        for step in range(3):
            run.log(step, fine=1.0, **wrong)

    complaints = [line for line in lines(caplog) if "training goes on without it" in line]
    assert len(complaints) == 1
    assert sentence in complaints[0]
    assert peer.memory.steps == [0, 1, 2]
    assert [s.name for s in peer.memory.records[1].chunk.scalars] == ["fine"]
    assert "3 values left out" in lines(caplog)[-1]


def test_findings_appear_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Each is one line, also when the monitor repeats it; quiet ones are kept and not printed."""
    told = [
        finding(),
        finding(),
        finding("plateau", 90, severity=monitor_pb2.SEVERITY_WARNING, summary="flat\x1b[2J\nline"),
        finding("overfitting", 95),
    ]
    script = Script(
        findings=told,
        last_findings=[finding(state=monitor_pb2.ALERT_STATE_RESOLVED, summary="finite again")],
        run_url="http://127.0.0.1:7512/runs/x",
    )
    with caplog.at_level("INFO"), Peer(script=script) as peer:
        run = Run(peer.target, run_id="calm-otter", quiet=["overfitting"])
        run.log(0, loss=1.0)
        run.finish()

    assert lines(caplog) == [
        f"flatline: run calm-otter -> {peer.target}",
        "flatline: watch it at http://127.0.0.1:7512/runs/x",
        "flatline: CRITICAL non_finite at step 57: the loss is nan",
        "flatline: WARNING plateau at step 90: flat?[2J line",
        "flatline: resolved non_finite (from step 57 to 57)",
        (
            "flatline: run calm-otter finished: 1 steps sent, 0 records dropped, 2 alerts "
            "(critical non_finite since step 57, resolved, warning plateau since step 90), "
            "overhead 0.0 %"
        ),
    ]
    assert [found.detector for found in run.findings].count("overfitting") == 1


def test_an_absent_monitor_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """The loop runs as fast as ever, and the end says what was not delivered."""
    with caplog.at_level("INFO"), Run("127.0.0.1:1", run_id="calm-otter") as run:
        began = time.monotonic()
        for step in range(2000):
            run.log(step, loss=1.0)
        assert time.monotonic() - began < 5

    assert lines(caplog, "flatline: no monitor") == [
        (
            "flatline: no monitor at 127.0.0.1:1 (connection refused); training goes on, "
            "numbers are kept up to 32 MiB until it answers"
        )
    ]
    assert len(lines(caplog)) == 3
    assert "0 steps sent, 0 records dropped, " in lines(caplog)[-1]
    assert " records not delivered" in lines(caplog)[-1]


def test_an_outage_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    """One when the monitor goes, one when it is back."""
    memory = Memory()
    first = Peer(memory)
    with caplog.at_level(logging.INFO), Run(first.target) as run:
        run.log(0, loss=1.0)
        memory.wait(lambda: memory.records)
        first.die()
        run.log(1, loss=math.nan)
        with Peer(memory, port=first.port):
            memory.wait(lambda: len(memory.records) == 2)
            run.finish()

    said = [line.split("(")[0] for line in lines(caplog)[1:-1]]
    assert said == [
        f"flatline: lost the monitor at {first.target} ",
        f"flatline: the monitor at {first.target} answers; what was kept is on its way",
    ]


def test_a_disabled_run_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """No thread, no line, no connection."""
    with caplog.at_level("INFO"), Run(mode="disabled", variables=["w"]) as run:
        run.log("nonsense", loss=object())  # type: ignore[arg-type]
        run.offer(None)  # type: ignore[arg-type]
        run.evaluate(0, loss=1.0)

    assert lines(caplog) == []
    assert run.findings == ()
    assert run._delivery is None


def test_an_alert_that_becomes_worse_again_is_news(caplog: pytest.LogCaptureFixture) -> None:
    """Critical, then milder, then critical in one episode: the last line is what is true."""
    info, critical = monitor_pb2.SEVERITY_INFO, monitor_pb2.SEVERITY_CRITICAL
    told = [finding(severity=severity) for severity in (critical, info, critical, critical)]
    with caplog.at_level("INFO"), Peer(script=Script(findings=told)) as peer:
        run = Run(peer.target)
        run.log(0, loss=1.0)
        run.finish()

    said = [line.split()[1] for line in lines(caplog) if "non_finite at" in line]
    assert said == ["CRITICAL", "INFO", "CRITICAL"]
    assert "1 alert (critical non_finite since step 57)" in lines(caplog)[-1]


def test_a_monitor_that_never_stops_talking_is_not_listened_to_for_ever() -> None:
    """Two severities in turn are news each time, but not more than a thousand times."""
    info, critical = monitor_pb2.SEVERITY_INFO, monitor_pb2.SEVERITY_CRITICAL
    findings = Findings()
    told = [findings.take(finding(severity=s)) for s in (critical, info) * 2_000]

    assert sum(found is not None for found in told) == 1_000
