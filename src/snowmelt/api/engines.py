"""``engines/publish`` and ``engines/unpublish``: the state of several definitions at once, all or nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.agentic_decisions import NOT_EVALUATED
from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, json_body, parse
from snowmelt.api.openapi import takes
from snowmelt.definitions.wire import (
    PublishResponse,
    SelectivePublishRequest,
    UnpublishRequest,
    UnpublishResponse,
    VersionedReference,
)
from snowmelt.stores.registry import References, Registry


def engines_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """Publish and unpublish what is registered."""
    router = APIRouter(prefix="/engines", tags=["engines"])

    @router.post(
        "/publish",
        response_model=PublishResponse,
        summary="Publish definitions, all or none",
        openapi_extra=takes(SelectivePublishRequest),
    )
    def publish(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(SelectivePublishRequest, body)
        if request.is_empty():
            return JSONResponse({"status": "nothing to publish"})
        references = _references(request)
        registry.publishing.publish(references)
        announcer.announce()
        answer = {"status": "published"}
        if references.agentic_decisions:
            answer["evaluation"] = NOT_EVALUATED
        return JSONResponse(answer)

    @router.post(
        "/unpublish",
        response_model=UnpublishResponse,
        summary="Unpublish definitions, all or none",
        openapi_extra=takes(UnpublishRequest),
    )
    def unpublish(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(UnpublishRequest, body)
        if request.is_empty():
            return JSONResponse({"status": "nothing to unpublish"})
        registry.publishing.unpublish(_references(request))
        announcer.announce()
        return JSONResponse({"status": "unpublished"})

    return router


def _references(request: SelectivePublishRequest) -> References:
    return References(
        keys=[key.name for key in request.attribute_keys],
        groups=_versions(request.attribute_groups),
        services=[service.name for service in request.services],
        interventions=_versions(request.interventions),
        event_logs=[event_log.name for event_log in request.event_logs],
        # Two names for one kind.
        agentic_decisions=[decision.name for decision in (*request.agentic_decisions, *request.agentic_attributes)],
    )


def _versions(references: list[VersionedReference]) -> list[tuple[str, int]]:
    return [(reference.name, reference.version) for reference in references]
