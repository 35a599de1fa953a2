"""Whether the pieces that the API stands on answer."""

from collections.abc import Callable

import structlog
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from snowmelt.api.reading import Profiles
from snowmelt.stores.registry import Registry

log = structlog.get_logger("snowmelt.api")


class HealthResponse(BaseModel):
    """The state of the server and of what it depends on."""

    status: str = Field(description="`ok`, or `error` if a dependency does not answer.")
    dependencies: dict[str, str] = Field(description="`ok` or `error` for each.")


def health_router(registry: Registry, profiles: Profiles) -> APIRouter:
    """``GET /health-all``."""
    router = APIRouter(tags=["service"])
    checks: dict[str, Callable[[], object]] = {
        "storage": registry.revision,
        "feature_server": lambda: profiles.get([]),
    }

    @router.get(
        "/health-all",
        response_model=HealthResponse,
        responses={503: {"model": HealthResponse, "description": "A dependency does not answer"}},
        summary="State of the server's dependencies",
    )
    def health_all() -> JSONResponse:
        dependencies = {name: _state(name, check) for name, check in checks.items()}
        healthy = set(dependencies.values()) == {"ok"}
        return JSONResponse(
            {"status": "ok" if healthy else "error", "dependencies": dependencies}, 200 if healthy else 503
        )

    return router


def _state(name: str, check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:
        log.error("dependency_unhealthy", dependency=name, exc_info=error)
        return "error"
    return "ok"
