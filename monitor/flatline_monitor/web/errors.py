"""What a caller reads who asked for something that cannot be answered."""

from http import HTTPStatus

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flatline_monitor.web.api import PREFIX, refusal
from flatline_monitor.web.headers import HEADERS


class Errors:
    """Answers in JSON to programs and as a page to people."""

    def __init__(self, templates: Environment) -> None:
        self._templates = templates

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer a request for what is not there, or by a method other than GET and HEAD."""
        if not isinstance(error, HTTPException):
            raise error
        response = self._sorry(request, error.status_code, _sentence(request, error))
        response.headers.update(error.headers or {})
        return response

    async def fail(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - Starlette's signature; the server logs it
        """Answer a request that met a fault of ours, and tell the caller nothing about it."""
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        response = self._sorry(request, status, "The monitor could not answer; its log says why.")
        response.headers.update(HEADERS)  # this answer is given outside of WithHeaders
        return response

    def _sorry(self, request: Request, status: int, sentence: str) -> Response:
        if request.url.path.startswith(PREFIX):
            return refusal(sentence, status)
        page = self._templates.get_template("error.html")
        return HTMLResponse(page.render(title=HTTPStatus(status).phrase, sentence=sentence), status)


def _sentence(request: Request, error: HTTPException) -> str:
    """Return what was wrong and what would be right."""
    match error.status_code:
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{request.method} is not answered here; GET and HEAD are."
        case HTTPStatus.NOT_FOUND if error.detail == HTTPStatus.NOT_FOUND.phrase:
            return f"There is nothing at {request.url.path}; the page at / says what there is."
    return error.detail
