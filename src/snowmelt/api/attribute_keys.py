"""``registry/attribute_keys``: what identifies profiles."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, addressed, json_body, parse
from snowmelt.api.openapi import takes
from snowmelt.api.parameters import Page
from snowmelt.definitions import AttributeKey
from snowmelt.definitions.wire import AttributeKeyOutput, DeleteResponse, key_output
from snowmelt.stores.registry import Registry, StoredKey

COLLECTION = "/registry/attribute_keys"


def attribute_keys_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """List, create, read, update and delete attribute keys."""
    router = APIRouter(prefix=COLLECTION, tags=["attribute keys"])

    @router.get("", response_model=list[AttributeKeyOutput], summary="All attribute keys")
    def list_keys(page: Page) -> JSONResponse:
        return JSONResponse([_answer(stored) for stored in page.of(registry.keys.all())])

    @router.post(
        "",
        response_model=AttributeKeyOutput,
        status_code=201,
        summary="Register an attribute key",
        openapi_extra=takes(AttributeKey),
    )
    def create_key(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.keys.create(parse(AttributeKey, body))
        announcer.announce()
        return JSONResponse(_answer(stored), 201)

    @router.get("/{name}", response_model=AttributeKeyOutput, summary="One attribute key")
    def get_key(name: str) -> JSONResponse:
        return JSONResponse(_answer(registry.keys.get(name)))

    @router.put(
        "/{name}",
        response_model=AttributeKeyOutput,
        summary="Change an attribute key",
        openapi_extra=takes(AttributeKey),
    )
    def update_key(name: str, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = registry.keys.update(parse(AttributeKey, addressed(body, name=name)))
        announcer.announce()
        return JSONResponse(_answer(stored))

    @router.delete("/{name}", response_model=DeleteResponse, summary="Remove an unused attribute key")
    def delete_key(name: str) -> JSONResponse:
        registry.keys.delete(name)
        announcer.announce()
        return JSONResponse({"ok": True})

    return router


def _answer(stored: StoredKey) -> dict[str, Any]:
    return key_output(stored.key).to_wire()
