"""What Prometheus and Kubernetes ask of the monitor."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Says how the monitor is."""

    def __init__(self, metrics: Callable[[], bytes], ready: Callable[[], bool]) -> None:
        self._metrics = metrics
        self._ready = ready

    def routes(self) -> list[Route]:
        """Return the addresses that it answers."""
        return [
            Route("/metrics", self.metrics),
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
        ]

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Return the page that Prometheus scrapes."""
        return Response(self._metrics(), headers={"content-type": METRICS_TYPE})

    async def healthz(self, request: Request) -> Response:  # noqa: ARG002 - the same
        """Say that the process answers."""
        return PlainTextResponse("alive\n")

    async def readyz(self, request: Request) -> Response:  # noqa: ARG002 - the same
        """Say whether runs are taken: not while the monitor reads back what it remembers."""
        if self._ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("starting\n", HTTPStatus.SERVICE_UNAVAILABLE)
