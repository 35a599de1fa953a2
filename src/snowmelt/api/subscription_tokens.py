"""``interventions/tokens``: short-lived tokens that let a browser subscribe to some identifiers, and no others."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.answers import failure
from snowmelt.api.bodies import Body, json_body, parse
from snowmelt.api.failures import Failure, answered
from snowmelt.api.key_bodies import SubscriptionToken, SubscriptionTokenRequest
from snowmelt.api.openapi import takes
from snowmelt.api.subscription_passes import Passes
from snowmelt.api.targets import MalformedTargets, Targets


def subscription_tokens_router(passes: Passes, targets: Targets) -> APIRouter:
    """Make tokens.

    Args:
        passes: signs.
        targets: judges who may be subscribed to.
    """
    router = APIRouter(prefix="/interventions/tokens", tags=["interventions"])

    @router.post(
        "",
        response_model=SubscriptionToken,
        status_code=201,
        responses={400: answered(Failure, "Somebody who cannot be subscribed to")},
        summary="A short-lived token for a stream of interventions",
        openapi_extra=takes(SubscriptionTokenRequest),
    )
    async def create_subscription_token(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(SubscriptionTokenRequest, body)
        try:
            asked = targets.subscribed(urlencode(request.attribute_keys, doseq=True).encode())
        except MalformedTargets as error:
            return failure(400, str(error))
        token, expires = passes.issue(asked.targets, request.expires_in)
        instant = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse({"token": token, "expires_at": instant}, 201)

    return router
