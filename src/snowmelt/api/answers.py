"""Answers that are errors, always JSON, in the shapes that clients know."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from snowmelt.api.announcer import NotAnnounced
from snowmelt.api.asgi import MAX_BODY_BYTES, BodyTooLarge
from snowmelt.api.bodies import InvalidBody
from snowmelt.api.incidents import unexpected
from snowmelt.definitions.problems import Problem
from snowmelt.stores.registry import InvalidDefinition, RegistryError, UnwritableRegistry


def invalid(problems: list[Problem]) -> JSONResponse:
    """422 with every problem, located in the body."""
    return JSONResponse({"detail": [problem.as_json("body") for problem in problems]}, 422)


def failure(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error under both names that clients look for."""
    return JSONResponse({"error": text, "detail": text}, status, headers)


def install(app: FastAPI) -> None:
    """Have ``app`` answer errors this way."""

    @app.exception_handler(InvalidBody)
    def _(request: Request, error: InvalidBody) -> JSONResponse:
        return invalid(error.problems)

    @app.exception_handler(InvalidDefinition)
    def _(request: Request, error: InvalidDefinition) -> JSONResponse:
        return invalid(error.problems)

    @app.exception_handler(RegistryError)
    def _(request: Request, error: RegistryError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.exception_handler(UnwritableRegistry)
    def _(request: Request, error: UnwritableRegistry) -> JSONResponse:
        return failure(error.status, str(error))

    @app.exception_handler(NotAnnounced)
    def _(request: Request, error: NotAnnounced) -> JSONResponse:
        return failure(503, str(error))

    @app.exception_handler(BodyTooLarge)
    def _(request: Request, error: BodyTooLarge) -> JSONResponse:
        return failure(413, f"The body is longer than {MAX_BODY_BYTES} bytes.")

    @app.exception_handler(RequestValidationError)
    def _(request: Request, error: RequestValidationError) -> JSONResponse:
        detail: list[dict[str, Any]] = [
            {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]} for item in error.errors()
        ]
        return JSONResponse({"detail": detail}, 422)

    @app.exception_handler(HTTPException)
    def _(request: Request, error: HTTPException) -> JSONResponse:
        text = error.detail
        if error.status_code == 404:
            text = f"There is nothing at {request.url.path}. /docs/ lists what there is."
        elif error.status_code == 405:
            text = f"{request.method} is not possible at {request.url.path}. /docs/ lists what is."
        return failure(error.status_code, text, dict(error.headers) if error.headers else None)

    @app.exception_handler(Exception)
    def _(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(unexpected(error, request.method, request.url.path), 500)
