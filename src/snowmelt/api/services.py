"""``registry/services``: groups that an application reads together."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, addressed, json_body, parse
from snowmelt.api.openapi import takes
from snowmelt.api.parameters import Page
from snowmelt.definitions import Service
from snowmelt.definitions.rules import colliding_names
from snowmelt.definitions.wire import DeleteResponse
from snowmelt.stores.registry import NotFound, Registry, StoredService

COLLECTION = "/registry/services"

log = structlog.get_logger("snowmelt.api")


def services_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """List, create, read, update and delete services."""
    router = APIRouter(prefix=COLLECTION, tags=["services"])

    @router.get("", response_model=list[Service], summary="All services")
    def list_services(page: Page) -> JSONResponse:
        return JSONResponse([_answer(stored) for stored in page.of(registry.services.all())])

    @router.post(
        "",
        response_model=Service,
        status_code=201,
        summary="Register a service",
        openapi_extra=takes(Service),
    )
    def create_service(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.services.create(parse(Service, body))
        announcer.announce()
        _warn_of_collisions(registry, stored.service)
        return JSONResponse(_answer(stored), 201)

    @router.get("/{name}", response_model=Service, summary="One service")
    def get_service(name: str) -> JSONResponse:
        return JSONResponse(_answer(registry.services.get(name)))

    @router.put("/{name}", response_model=Service, summary="Change a service", openapi_extra=takes(Service))
    def update_service(name: str, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.services.update(parse(Service, addressed(body, name=name)))
        announcer.announce()
        _warn_of_collisions(registry, stored.service)
        return JSONResponse(_answer(stored))

    @router.delete("/{name}", response_model=DeleteResponse, summary="Remove an unpublished service")
    def delete_service(name: str) -> JSONResponse:
        registry.services.delete(name)
        announcer.announce()
        return JSONResponse({"ok": True})

    return router


def _answer(stored: StoredService) -> dict[str, Any]:
    return stored.service.model_dump(mode="json", by_alias=True)


def _warn_of_collisions(registry: Registry, service: Service) -> None:
    """Where several groups have a name, readers get the first one's value unless they ask for full names."""
    try:
        groups = [registry.groups.get(link.name, link.version).group for link in service.attribute_groups]
    except NotFound:  # deleted meanwhile, by somebody who changed the service too
        return
    for name, owners in colliding_names(groups).items():
        log.warning("attribute_name_collision", service=service.name, attribute=name, groups=owners)
