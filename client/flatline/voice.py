"""What a run says in the training's own log: all of its sentences, each as rarely as possible."""

import logging

from flatline.backlog import CAPACITY_BYTES
from flatline.findings import Findings
from flatline.say import plain, say
from flatline.v1 import monitor_pb2
from flatline.verdicts import Verdicts

_COMPLAINTS = 100
_WISH_MOST = 256
"""Sampled steps that a monitor may wish for at once."""
_LEVELS = {
    "critical": logging.ERROR,
    "sick": logging.ERROR,
    "warning": logging.WARNING,
    "suspicious": logging.WARNING,
}


class Voice:
    """Speaks for one run; it is the sender's listener, on the sender's thread."""

    def __init__(
        self,
        run_id: str,
        target: str,
        findings: Findings,
        verdicts: Verdicts,
        capacity_bytes: int = CAPACITY_BYTES,
    ) -> None:
        self._run_id = run_id
        self._target = target
        self._findings = findings
        self._verdicts = verdicts
        self._kept = f"{capacity_bytes / 2**20:.3g} MiB"
        self._answered = self._out = self._full = False
        self._url = ""
        self._wish = 0
        self._complaints: set[str] = set()

    def started(self) -> None:
        """Say where the run goes."""
        say(f"run {self._run_id} -> {self._target}")

    def connected(self, welcome: monitor_pb2.Welcome) -> None:
        """Say where people can watch the run, once."""
        self._answered = True
        url = plain(welcome.run_url, 300)
        if url.startswith(("http://", "https://")) and url != self._url:
            self._url = url
            say(f"watch it at {url}")

    def progressed(self) -> None:
        """Say that an outage is over."""
        self._full = False
        if self._out:
            self._out = False
            say(f"the monitor at {self._target} answers; what was kept is on its way")

    def lost(self, reason: str) -> None:
        """Say that the monitor is away, once for each outage."""
        if self._out:
            return
        self._out = True
        begin = "lost the" if self._answered else "no"
        say(
            f"{begin} monitor at {self._target} ({reason}); training goes on, "
            f"numbers are kept up to {self._kept} until it answers",
            logging.WARNING,
        )

    def refused(self, sentence: str) -> None:
        """Say that the monitor does not want this run."""
        say(
            f"the monitor at {self._target} refuses run {self._run_id}: {sentence}; "
            "training goes on, nothing more is sent",
            logging.WARNING,
        )

    def full(self) -> None:
        """Say that records are being dropped, once until there is room again."""
        if not self._full:
            self._full = True
            say(
                f"{self._kept} are waiting for the monitor at {self._target}; training goes on, "
                "numbers are dropped until it has caught up",
                logging.WARNING,
            )

    def found(self, finding: monitor_pb2.Finding) -> None:
        """Say what the monitor found, once."""
        found = self._findings.take(finding)
        if found is not None:
            level = logging.INFO if found.resolved else _LEVELS.get(found.severity, logging.INFO)
            say(found.line, level)

    def wished_for(self, steps: int) -> None:
        """Keep a wish until somebody can grant it."""
        self._wish = max(self._wish, min(steps, _WISH_MOST))

    def wished(self) -> int:
        """Return how many sampled steps are wished for, and forget it."""
        wish, self._wish = self._wish, 0
        return wish

    def concluded(self, verdict: monitor_pb2.Verdict) -> None:
        """Say that the run became worse than it ever was."""
        news = self._verdicts.take(verdict)
        if news is not None:
            say(news.line, _LEVELS.get(news.level, logging.INFO))

    def complain(self, kind: str, sentence: str) -> None:
        """Say what the program gave us wrongly, once for each kind."""
        if kind not in self._complaints and len(self._complaints) < _COMPLAINTS:
            self._complaints.add(kind)
            say(f"{plain(sentence)}; training goes on without it", logging.WARNING)

    def ended(self, how: str, counts: list[str]) -> None:
        """Say how the run ended, what became of its numbers, and what the monitor thinks of it."""
        say(f"run {self._run_id} {how}: {', '.join(counts)}")
        verdict = self._verdicts.closing
        if verdict is not None:
            for line in verdict.last_words:
                say(line, _LEVELS.get(verdict.level, logging.INFO))
