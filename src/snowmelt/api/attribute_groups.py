"""``registry/attribute_groups``: versioned sets of attributes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, addressed, json_body, parse, parse_with_rules
from snowmelt.api.openapi import takes
from snowmelt.api.parameters import Page, Version
from snowmelt.definitions import AttributeGroup, BatchSource, read_group
from snowmelt.definitions.enums import PropertySyntax
from snowmelt.definitions.rules import check_group
from snowmelt.definitions.wire import (
    AttributeGroupResponse,
    DeleteResponse,
    group_response,
    with_property_syntax,
)
from snowmelt.stores.registry import Registry, StoredGroup

COLLECTION = "/registry/attribute_groups"


def attribute_groups_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """List, create, read, update and delete versions of attribute groups."""
    router = APIRouter(prefix=COLLECTION, tags=["attribute groups"])

    @router.get("", response_model=list[AttributeGroupResponse], summary="All versions of all attribute groups")
    def list_groups(
        page: Page,
        applied: Annotated[bool | None, Query(description="Only published versions.")] = None,
        offline: Annotated[bool | None, Query(description="Only groups that a warehouse computes.")] = None,
        property_syntax: Annotated[
            PropertySyntax | None, Query(description="Properties of attributes in the words of this system.")
        ] = None,
    ) -> JSONResponse:
        groups = registry.groups.all(published_only=bool(applied))
        if offline is not None:
            groups = [stored for stored in groups if bool(stored.group.offline) is offline]
        answers = ((stored.group, _answer(stored)) for stored in page.of(groups))
        if property_syntax is None:
            return JSONResponse([answer for _, answer in answers])
        return JSONResponse([with_property_syntax(answer, group, property_syntax) for group, answer in answers])

    @router.post(
        "",
        response_model=AttributeGroupResponse,
        status_code=201,
        summary="Register a version of an attribute group",
        openapi_extra=takes(AttributeGroup),
    )
    def create_group(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.groups.create(_group(body))
        announcer.announce()
        return JSONResponse(_answer(stored), 201)

    @router.get("/{name}", response_model=AttributeGroupResponse, summary="The highest version of a group")
    def get_latest(name: str) -> JSONResponse:
        return JSONResponse(_answer(registry.groups.get(name)))

    @router.get("/{name}/versions", response_model=list[AttributeGroupResponse], summary="All versions of a group")
    def list_versions(name: str, page: Page) -> JSONResponse:
        return JSONResponse([_answer(stored) for stored in page.of(registry.groups.versions(name))])

    @router.get("/{name}/versions/{version}", response_model=AttributeGroupResponse, summary="One version of a group")
    def get_version(name: str, version: Version) -> JSONResponse:
        return JSONResponse(_answer(registry.groups.get(name, version)))

    @router.put(
        "/{name}/versions/{version}",
        response_model=AttributeGroupResponse,
        summary="Publish, unpublish or edit a version of a group",
        openapi_extra=takes(AttributeGroup),
    )
    def update_group(name: str, version: Version, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.groups.update(_group(addressed(body, name=name, version=version)))
        announcer.announce()
        return JSONResponse(_answer(stored))

    @router.put(
        "/{name}/versions/{version}/batch_source",
        response_model=AttributeGroupResponse,
        summary="Give an unpublished version of a group the table that feeds it",
        openapi_extra=takes(BatchSource),
    )
    def update_batch_source(name: str, version: Version, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        source = parse(BatchSource, body)
        group = registry.groups.get(name, version).group
        # Read anew, not copied: a stream group has no place for a source, and is to say so.
        stored = registry.groups.update(_group({**group.to_wire(), "batch_source": source.to_wire()}))
        announcer.announce()
        return JSONResponse(_answer(stored))

    @router.delete(
        "/{name}/versions/{version}",
        response_model=DeleteResponse,
        summary="Remove an unpublished version of a group and its values",
    )
    def delete_group(name: str, version: Version) -> JSONResponse:
        registry.groups.delete(name, version)
        announcer.announce()
        return JSONResponse({"ok": True})

    return router


def _group(body: Body) -> AttributeGroup:
    return parse_with_rules(read_group, check_group, body)


def _answer(stored: StoredGroup) -> dict[str, Any]:
    stamps = {"created_at": stored.created_at, "updated_at": stored.updated_at}
    return group_response(stored.group, **stamps).to_wire()
