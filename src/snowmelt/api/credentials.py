"""The credentials endpoint: an API key is exchanged for a token that lives a day."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse

from snowmelt.api.answers import failure
from snowmelt.api.auth import UNKNOWN_KEY, lapse
from snowmelt.api.failures import Failure
from snowmelt.api.key_bodies import AccessToken
from snowmelt.api.known_keys import KnownKeys
from snowmelt.api.tokens import Tokens
from snowmelt.stores.registry import StoredApiKey

NO_STORE: Final = {"Cache-Control": "no-store"}
NO_HEADERS: Final = "Send the API key's id and the key in the headers X-API-Key-Id and X-API-Key."
NO_HEADER: Final = "Send the API key in the header X-API-Key."
OTHER_ORGANIZATION: Final = "The API key is of another organization than the path names: this server's is {}."
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Failure, "description": "Unknown, revoked or expired key, or another organization"},
    429: {"model": Failure, "description": "Too many unknown keys came from this address"},
}

Key = Annotated[str | None, Header(alias="X-API-Key", description="The key.")]
KeyId = Annotated[str | None, Header(alias="X-API-Key-Id", description="Its id.")]


def credentials_router(keys: KnownKeys, tokens: Tokens) -> APIRouter:
    """``GET .../credentials/v3/token`` and the older ``v2``, which takes the key without its id."""
    router = APIRouter(prefix="/api/msc/v1/organizations/{org_id}/credentials", tags=["credentials"])
    # On the event loop, not in a thread: keys are in memory, and known to the loop alone.

    @router.get("/v3/token", response_model=AccessToken, responses=RESPONSES, summary="Exchange an API key for a token")
    async def token(org_id: str, api_key_id: KeyId = None, api_key: Key = None) -> JSONResponse:
        if not api_key or not api_key_id:
            return failure(401, NO_HEADERS)
        return exchange(org_id, keys.proven(api_key_id.strip(), api_key.strip()))

    @router.get(
        "/v2/token",
        response_model=AccessToken,
        responses=RESPONSES,
        summary="The same without the key's id",
        deprecated=True,
    )
    async def token_of_key(org_id: str, api_key: Key = None) -> JSONResponse:
        if not api_key:
            return failure(401, NO_HEADER)
        return exchange(org_id, keys.by_secret(api_key.strip()))

    def exchange(org_id: str, key: StoredApiKey | None) -> JSONResponse:
        # Only who has the key learns what else is wrong.
        if key is None:
            return failure(401, UNKNOWN_KEY, NO_STORE)
        now = tokens.clock()
        reason = lapse(key, now)
        if reason is None and org_id.lower() != tokens.organization:
            reason = OTHER_ORGANIZATION.format(tokens.organization)
        if reason is not None:
            return failure(401, reason, NO_STORE)
        keys.note_use(key.id)
        return JSONResponse({"accessToken": tokens.issue(key)}, headers=NO_STORE)

    return router
