"""``registry/interventions``: versioned rules over attributes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, addressed, json_body, parse_with_rules
from snowmelt.api.openapi import takes
from snowmelt.api.parameters import Page, Version
from snowmelt.definitions import RuleIntervention
from snowmelt.definitions.rules import check_intervention
from snowmelt.definitions.wire import DeleteResponse, RuleInterventionResponse, intervention_response
from snowmelt.stores.registry import Registry, StoredIntervention

COLLECTION = "/registry/interventions"


def interventions_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """List, create, read, update and delete versions of interventions."""
    router = APIRouter(prefix=COLLECTION, tags=["interventions"])

    @router.get("", response_model=list[RuleInterventionResponse], summary="All versions of all interventions")
    def list_interventions(page: Page) -> JSONResponse:
        return JSONResponse([_answer(stored) for stored in page.of(registry.interventions.all())])

    @router.post(
        "",
        response_model=RuleInterventionResponse,
        status_code=201,
        summary="Register a version of an intervention",
        openapi_extra=takes(RuleIntervention),
    )
    def create_intervention(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.interventions.create(_intervention(body))
        announcer.announce()
        return JSONResponse(_answer(stored), 201)

    @router.get("/{name}", response_model=RuleInterventionResponse, summary="The highest version of an intervention")
    def get_latest_intervention(name: str) -> JSONResponse:
        return JSONResponse(_answer(registry.interventions.get(name)))

    @router.get(
        "/{name}/versions", response_model=list[RuleInterventionResponse], summary="All versions of an intervention"
    )
    def list_intervention_versions(name: str, page: Page) -> JSONResponse:
        return JSONResponse([_answer(stored) for stored in page.of(registry.interventions.versions(name))])

    @router.get(
        "/{name}/versions/{version}", response_model=RuleInterventionResponse, summary="One version of an intervention"
    )
    def get_intervention_version(name: str, version: Version) -> JSONResponse:
        return JSONResponse(_answer(registry.interventions.get(name, version)))

    @router.put(
        "/{name}/versions/{version}",
        response_model=RuleInterventionResponse,
        summary="Publish, unpublish or edit a version of an intervention",
        openapi_extra=takes(RuleIntervention),
    )
    def update_intervention(name: str, version: Version, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.interventions.update(_intervention(addressed(body, name=name, version=version)))
        announcer.announce()
        return JSONResponse(_answer(stored))

    @router.delete(
        "/{name}/versions/{version}",
        response_model=DeleteResponse,
        summary="Remove an unpublished version of an intervention",
    )
    def delete_intervention(name: str, version: Version) -> JSONResponse:
        registry.interventions.delete(name, version)
        announcer.announce()
        return JSONResponse({"ok": True})

    return router


def _intervention(body: Body) -> RuleIntervention:
    return parse_with_rules(RuleIntervention.model_validate, check_intervention, body)


def _answer(stored: StoredIntervention) -> dict[str, Any]:
    stamps = {"created_at": stored.created_at, "updated_at": stored.updated_at}
    return intervention_response(stored.intervention, **stamps).to_wire()
