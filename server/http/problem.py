"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from server.errors import ServiceError

_log = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = "application/problem+json"


def problem_of(error: ServiceError) -> ProblemResponse:
    """Return the document of one of our own errors."""
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return _document(error.http_status, error.code, error.title, str(error), headers)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every failure of a request with a problem document."""

    @app.exception_handler(ServiceError)
    async def _service_error(request: Request, exc: ServiceError) -> Response:
        return problem_of(exc)

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, exc: HTTPException) -> Response:
        status = HTTPStatus(exc.status_code)
        code = status.name.lower()
        return _document(status, code, status.phrase, str(exc.detail), dict(exc.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "body")
        detail = f"{field}: {first['msg']}" if field else first["msg"]
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _document(status, "invalid_request", "The request cannot be used", detail, {})

    @app.exception_handler(Exception)
    async def _fault(request: Request, exc: Exception) -> Response:
        _log.error("request_fault", method=request.method, exc_info=exc)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        detail = "an internal fault; the service's log tells more"
        return _document(status, ServiceError.code, ServiceError.title, detail, {})


def _document(
    status: int, code: str, title: str, detail: str, headers: dict[str, str]
) -> ProblemResponse:
    """Write one document; `code` is stable, `detail` is for people."""
    content = {
        "type": f"urn:sali:problem:{code}",
        "title": title,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    return ProblemResponse(content, status_code=int(status), headers=headers)
