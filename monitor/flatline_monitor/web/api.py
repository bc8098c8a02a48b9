"""The JSON API: runs and alerts as they stand. It changes nothing."""

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flatline_monitor.alerts.closing import closing_report
from flatline_monitor.alerts.lifecycle import State
from flatline_monitor.alerts.report import AlertReport, RunReport
from flatline_monitor.web.history import history_shape
from flatline_monitor.web.parameters import ParameterError, check_names, choice, page
from flatline_monitor.web.report import markdown, report_shape
from flatline_monitor.web.shapes import Json, alert_shape, run_shape, setup_shape

PREFIX = "/api/"


class Api:
    """Answers questions about runs and alerts, in pages of {items, next}."""

    def __init__(
        self,
        reports: Callable[[], Sequence[RunReport]],
        report: Callable[[str], RunReport | None],
    ) -> None:
        self._reports = reports
        self._report = report

    def routes(self) -> list[Route]:
        """Return the addresses that it answers."""
        return [
            Route("/api/v1/runs", self.runs),
            Route("/api/v1/runs/{run_id}", self.run),
            Route("/api/v1/runs/{run_id}/history", self.history),
            Route("/api/v1/runs/{run_id}/setup", self.setup),
            Route("/api/v1/runs/{run_id}/report", self.report),
            Route("/api/v1/alerts", self.alerts),
        ]

    async def runs(self, request: Request) -> Response:
        """Return the runs, ordered by id."""
        check_names(request.query_params, ("limit", "after"))
        runs, after = page(request.query_params, self._reports(), lambda run: run.run_id)
        return answer({"items": [run_shape(run) for run in runs], "next": after})

    async def run(self, request: Request) -> Response:
        """Return one run."""
        check_names(request.query_params, ())
        return self._of_run(request, run_shape)

    async def history(self, request: Request) -> Response:
        """Return what the curves of one run are drawn from."""
        check_names(request.query_params, ())
        return self._of_run(request, history_shape)

    async def setup(self, request: Request) -> Response:
        """Return what one run told of itself before it had learned anything."""
        check_names(request.query_params, ())
        return self._of_run(request, setup_shape)

    async def report(self, request: Request) -> Response:
        """Return one run as it is told at its end, as JSON or as Markdown."""
        check_names(request.query_params, ("format",))
        form = choice(request.query_params, "format", ["json", "markdown"])
        if form != "markdown":
            return self._of_run(request, lambda run: report_shape(closing_report(run)))
        run = self._report(request.path_params["run_id"])
        if run is None:
            return _unknown(request.path_params["run_id"])
        return Response(markdown(closing_report(run)), media_type="text/markdown")

    async def alerts(self, request: Request) -> Response:
        """Return the alerts of all runs in one state, or all that are not inactive."""
        query = request.query_params
        check_names(query, ("limit", "after", "state"))
        state = choice(query, "state", [state.value for state in State])
        alerts = [
            alert
            for run in self._reports()
            for alert in run.alerts
            if alert.state == state or (state is None and alert.state is not State.INACTIVE)
        ]
        taken, after = page(query, alerts, _key)
        return answer({"items": [alert_shape(alert) for alert in taken], "next": after})

    def _of_run(self, request: Request, shape: Callable[[RunReport], Json]) -> Response:
        run_id = request.path_params["run_id"]
        report = self._report(run_id)
        return _unknown(run_id) if report is None else answer(shape(report))


def _unknown(run_id: str) -> Response:
    return refusal(f"no run {run_id} here; /api/v1/runs lists them", HTTPStatus.NOT_FOUND)


def answer(content: Json, status: int = HTTPStatus.OK) -> Response:
    """Return a response in JSON; a number that JSON cannot hold would raise ValueError."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def refusal(sentence: str, status: int) -> Response:
    """Return a response that says what was wrong and what would be right."""
    return answer({"error": sentence}, status)


async def refuse_parameter(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer a request whose parameters are wrong."""
    if not isinstance(error, ParameterError):
        raise error
    return refusal(str(error), HTTPStatus.BAD_REQUEST)


def _key(alert: AlertReport) -> str:
    # Neither part can hold a "/": this is the alert's place in a list and nobody's to take apart.
    return f"{alert.run_id}/{alert.detector}"
