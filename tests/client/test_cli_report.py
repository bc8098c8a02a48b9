"""`flatline report` prints what a run came to as Markdown, or writes it."""

import json

from flatline_monitor.alerts.report import RunState
from flatline_monitor.alerts.verdict import Level, RunVerdict
from flatline_monitor.diagnosis.crash import crash_of
from flatline_monitor.runs.records import Evaluation
from tests.client.looking import Pages, flatline
from tests.monitor.reports import RUN_ID, firing_alert, run_report

PASSES = tuple(Evaluation(10 * i, i, 9, {"loss": 1 / (1 + i)}) for i in range(5))
CRASHED = run_report(
    hello={"name": "<b>digits</b> | `x`"},
    state=RunState.FAILED,
    verdict=RunVerdict(Level.SICK, "it failed: out of memory", closing=True),
    alerts=(firing_alert("no_skill"),),
    evaluations=PASSES,
    crash=crash_of("ResourceExhaustedError", "OOM when allocating tensor with shape[9]"),
)


def test_it_prints_markdown_in_which_nothing_foreign_is_a_mark(capsys):
    """Verdict, how it ended, the story, the checkpoint, the alerts."""
    with Pages(CRASHED) as pages:
        status, said, wrong = flatline(capsys, "report", RUN_ID[:4], "--monitor", pages.url)

    assert (status, wrong) == (0, "")
    places = [
        said.index(part)
        for part in (
            "# \\<b\\>digits\\</b\\> \\| \\`x\\`",
            "**Sick**: it failed: out of memory",
            "## How it ended\n\nOut of memory. Lower the batch size",
            "> ResourceExhaustedError: OOM when allocating tensor with shape\\[9\\]",
            "## What happened\n",
            "- Step 40: no\\_skill: The loss has not improved",
            "## Checkpoint to keep\n\n- By loss: keep epoch 4 (step 30)",
            "## Alerts\n",
        )
    ]
    assert places == sorted(places)


def test_it_is_there_as_json_too(capsys):
    with Pages(CRASHED) as pages:
        _, said, _ = flatline(capsys, "report", RUN_ID, "--json", "--monitor", pages.url)
    told = json.loads(said)

    assert told["crash"]["kind"] == "out_of_memory"
    assert [moment["signal"] for moment in told["story"]] == ["validation", "no_skill", "end"]
    assert told["checkpoints"][0]["numbers"]["epoch"] == 4


def test_it_is_written_where_it_is_wanted(capsys, tmp_path):
    """The same text; a place that cannot be written is named in one sentence."""
    place = tmp_path / "report.md"
    with Pages(CRASHED) as pages:
        asked = ("report", RUN_ID, "--monitor", pages.url)
        _, printed, _ = flatline(capsys, *asked)
        status, said, _ = flatline(capsys, *asked, "--output", str(place))
        failed, nothing, wrong = flatline(capsys, *asked, "--output", str(tmp_path / "no" / "x"))

    assert (status, said, place.read_text()) == (0, f"wrote {place}\n", printed)
    assert (failed, nothing) == (1, "")
    assert "cannot be written: No such file or directory" in wrong
