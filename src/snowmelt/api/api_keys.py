"""``api_keys``: making, listing and revoking the keys that others call with. For admins."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.bodies import Body, json_body, parse
from snowmelt.api.credentials import NO_STORE
from snowmelt.api.key_bodies import ApiKeyOutput, ApiKeyRequest, NewApiKeyOutput
from snowmelt.api.openapi import takes
from snowmelt.stores.registry import Registry


def api_keys_router(registry: Registry) -> APIRouter:
    """List, make and revoke API keys."""
    router = APIRouter(prefix="/api_keys", tags=["API keys"])

    @router.get("", response_model=list[ApiKeyOutput], summary="All API keys, revoked ones too")
    def list_keys() -> JSONResponse:
        return JSONResponse([ApiKeyOutput.of(key).model_dump(mode="json") for key in registry.api_keys.all()])

    @router.post(
        "",
        response_model=NewApiKeyOutput,
        status_code=201,
        summary="Make an API key",
        openapi_extra=takes(ApiKeyRequest),
    )
    def create_key(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        wanted = parse(ApiKeyRequest, body)
        new = registry.api_keys.create(wanted.role, name=wanted.name, expires_at=wanted.expires_at)
        answer = NewApiKeyOutput.made(new, registry.api_keys.organization())
        return JSONResponse(answer.model_dump(mode="json"), 201, NO_STORE)

    @router.delete("/{key_id}", response_model=ApiKeyOutput, summary="Revoke an API key")
    def revoke_key(key_id: str) -> JSONResponse:
        return JSONResponse(ApiKeyOutput.of(registry.api_keys.revoke(key_id)).model_dump(mode="json"))

    return router
