"""Everything behind the HTTP port: pages, API, /metrics, /healthz and /readyz.

All of it is read-only and loads nothing from anywhere else. JavaScript draws the curves of a run
and keeps its page up to date; everything else is there without it.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from flatline_monitor.alerts.closing import closing_report
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport, RunState
from flatline_monitor.web.api import Api, refuse_parameter
from flatline_monitor.web.errors import Errors
from flatline_monitor.web.formats import environment, words
from flatline_monitor.web.headers import WithHeaders
from flatline_monitor.web.health import Health
from flatline_monitor.web.parameters import ParameterError
from flatline_monitor.web.shapes import seen

SHOWN_RUNS = 200  # a page, not an archive; the API has them all
SHOWN_CAUSES = 3
SHOWN_EVALUATIONS = 12  # more than these are there when asked for
CHARTS = (
    ("loss", "Loss"),
    ("accuracy", "Accuracy"),
    ("learning_rate", "Learning rate"),
    ("global_grad_norm", "Gradient norm"),
)
"""The curves of a run by the names that static/charts.js has for them, and their titles."""
_STATIC = Path(__file__).parent / "static"
_BANDS = (State.FIRING, State.RESOLVED)
_URGENT = (State.FIRING, State.PENDING, State.RESOLVED)


def build(
    *,
    reports: Callable[[], Sequence[RunReport]],
    report: Callable[[str], RunReport | None],
    metrics: Callable[[], bytes],
    ready: Callable[[], bool],
    version: str,
) -> Starlette:
    """Return the application; it calls what it is given on the thread of its event loop."""
    templates = environment()
    templates.globals["version"] = version
    errors = Errors(templates)
    app = Starlette(
        routes=[
            *Pages(reports, report, templates).routes(),
            *Health(metrics, ready).routes(),
            *Api(reports, report).routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(WithHeaders)],
        exception_handlers={
            HTTPException: errors.refuse,
            ParameterError: refuse_parameter,
            Exception: errors.fail,
        },
    )
    # The redirect would be to whatever host the request named.
    app.router.redirect_slashes = False
    return app


class Pages:
    """What people look at."""

    def __init__(
        self,
        reports: Callable[[], Sequence[RunReport]],
        report: Callable[[str], RunReport | None],
        templates: Environment,
    ) -> None:
        self._reports = reports
        self._report = report
        self._templates = templates

    def routes(self) -> list[Route]:
        """Return the addresses that it answers."""
        return [
            Route("/", self.index),
            Route("/runs/{run_id}", self.run),
        ]

    async def index(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Show the runs, newest first, each with its worst alert."""
        runs = sorted(self._reports(), key=lambda run: run.started_at, reverse=True)
        rows = [(run, worst(run)) for run in runs[:SHOWN_RUNS]]
        return self._page("index.html", rows=rows, hidden=len(runs) - len(rows))

    async def run(self, request: Request) -> Response:
        """Show one run."""
        run_id = request.path_params["run_id"]
        report = self._report(run_id)
        if report is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no run {run_id} here.")
        return self._page(
            "run.html",
            run=report,
            closing=closing_report(report),
            alerts=sorted(seen(report), key=_urgency),
            causes=report.causes[:SHOWN_CAUSES],
            told={cause.name for cause in report.causes[:SHOWN_CAUSES]},
            most=SHOWN_CAUSES,
            shown_evaluations=SHOWN_EVALUATIONS,
            bands=[alert for alert in seen(report) if alert.state in _BANDS],
            charts=CHARTS,
            metrics=sorted({name for passed in report.evaluations for name in passed.metrics}),
            quiet=[words(a.detector) for a in report.alerts if _is_quiet(a)],
            blind=[
                f"{words(a.detector)} ({words(a.abstained)})"
                for a in report.alerts
                if a.abstained and a.state is State.INACTIVE
            ],
            refresh=report.state in (RunState.RUNNING, RunState.STALLED),
        )

    def _page(self, template: str, **facts: object) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(facts))


def worst(report: RunReport) -> AlertReport | None:
    """Return the firing alert with the highest severity, the first of several."""
    return min(
        (alert for alert in seen(report) if alert.state is State.FIRING), key=_urgency, default=None
    )


def _urgency(alert: AlertReport) -> tuple[int, int]:
    """Return a key that sorts firing before resolved, and critical before info."""
    return _URGENT.index(alert.state), -1 if alert.severity is None else -alert.severity.rank


def _is_quiet(alert: AlertReport) -> bool:
    """Say whether the detector looked the last time and has never found anything."""
    return alert.state is State.INACTIVE and alert.abstained is None
