"""``testing/``: what a definition would have given over recent events."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from snowmelt.api.answers import failure
from snowmelt.api.bodies import Body, InvalidBody, json_body, parse
from snowmelt.api.failures import Failure, answered
from snowmelt.api.openapi import takes
from snowmelt.definitions import AttributeGroup, RuleIntervention, read_group
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.wire import TestAttributeGroupRequest, TestInterventionRequest, TestInterventionResponse
from snowmelt.previews.job import PreviewFailed, PreviewJob, RunPreview
from snowmelt.stores.registry import InvalidDefinition, Registry

SINCE_HEADER: Final = "snowmelt-events-since"
BUSY_SECONDS: Final = "5"


def previews_router(registry: Registry, run: RunPreview) -> APIRouter:
    """Previews of groups and of interventions; they change nothing.

    Args:
        registry: for attribute keys, and the groups that criteria speak of.
        run: computes a preview.
    """
    router = APIRouter(prefix="/testing", tags=["testing"])
    responses: dict[int | str, dict[str, Any]] = {
        503: answered(Failure, "Too many previews at once, or one that needs more than it may have")
    }

    @router.post(
        "/attribute_groups",
        response_model=list[dict[str, Any]],
        responses=responses,
        summary="The attributes of a group over recent events, registered or not",
        openapi_extra=takes(TestAttributeGroupRequest),
    )
    async def test_group(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(TestAttributeGroupRequest, body)
        group = await run_in_threadpool(_tried_group, registry, body["attribute_group"])
        job = PreviewJob(_ms(request.window), [_json(group)], request.app_ids, request.attribute_key_ids)
        return await _answer(run, job)

    @router.post(
        "/interventions",
        response_model=TestInterventionResponse,
        responses=responses,
        summary="Whom an intervention would have reached over recent events, registered or not",
        openapi_extra=takes(TestInterventionRequest),
    )
    async def test_intervention(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        request = parse(TestInterventionRequest, body)
        meant = await run_in_threadpool(_meant_groups, registry, request.intervention)
        versions = list({(group.name, group.version): group for group in meant.values()}.values())
        job = PreviewJob(
            _ms(request.window),
            [_json(group) for group in versions],
            request.app_ids,
            intervention=request.intervention.to_wire(),
            sources={name: versions.index(group) for name, group in meant.items()},
        )
        return await _answer(run, job)

    return router


async def _answer(run: RunPreview, job: PreviewJob) -> JSONResponse:
    try:
        made = await run(job)
    except PreviewFailed as error:
        headers = {"retry-after": BUSY_SECONDS} if error.busy else None
        return failure(503, f"The preview cannot be made: {error}.", headers)
    since = datetime.fromtimestamp(made.since / 1000, UTC).isoformat(timespec="milliseconds")
    return JSONResponse(made.answer, headers={SINCE_HEADER: since.replace("+00:00", "Z")})


def _tried_group(registry: Registry, definition: Any) -> AttributeGroup:
    """The group as it would be published.

    Raises:
        InvalidBody: it could not be.
    """
    group = read_group(definition)
    if group.kind != "stream":
        text = "only a group that is computed from the stream has a preview; this one is read from a warehouse"
        raise InvalidBody([Problem(("attribute_group",), text, "not_a_stream_group")])
    try:
        return registry.groups.tried(group)
    except InvalidDefinition as error:
        raise InvalidBody([problem.under("attribute_group") for problem in error.problems]) from error


def _meant_groups(registry: Registry, intervention: RuleIntervention) -> dict[str, AttributeGroup]:
    """The published group that each attribute of the criteria means; all of one name, and with one key.

    Raises:
        InvalidBody: it could not be published, or its criteria speak of several groups.
    """
    try:
        meant = registry.interventions.meant_groups(intervention)
    except InvalidDefinition as error:
        raise InvalidBody([problem.under("intervention") for problem in error.problems]) from error
    if len({group.name for group in meant.values()}) > 1 or len({one.attribute_key.name for one in meant.values()}) > 1:
        text = "the criteria of a preview may name the attributes of one group, with one attribute key"
        raise InvalidBody([Problem(("intervention", "criteria"), text, "several_groups")])
    return meant


def _json(group: AttributeGroup) -> dict[str, Any]:
    return group.model_dump(mode="json", by_alias=True, exclude_none=True)


def _ms(window: timedelta) -> int:
    return int(window.total_seconds() * 1000)
