"""``registry/attribute_group_plans``: what publishing a definition would do."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.bodies import Body, InvalidBody, json_body, parse_with_rules
from snowmelt.api.openapi import takes
from snowmelt.definitions import AttributeGroup, read_group
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules import check_group
from snowmelt.definitions.wire import AttributeGroupPlan, ValidationProblem
from snowmelt.stores.registry import GroupPlan, InvalidDefinition, PublishedVersion, Refused, Registry


def plans_router(registry: Registry) -> APIRouter:
    """Plan the publication of a group."""
    router = APIRouter(prefix="/registry/attribute_group_plans", tags=["attribute groups"])

    @router.post(
        "",
        response_model=AttributeGroupPlan,
        summary="What publishing a definition of a group would do; changes nothing",
        openapi_extra=takes(AttributeGroup),
    )
    def plan(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        return JSONResponse(plan_group(registry, body).model_dump(mode="json"))

    return router


def plan_group(registry: Registry, body: Body) -> AttributeGroupPlan:
    """What publishing a definition of a group would do.

    Args:
        registry: is left as it is.
        body: the definition as it would be sent; it is taken as one to be published, whatever it says itself.
    """
    try:
        group = parse_with_rules(read_group, check_group, {**body, "is_published": True})
    except InvalidBody as error:
        return _invalid(error.problems)
    try:
        plan = registry.groups.plan(group)
    except InvalidDefinition as error:
        return _invalid(error.problems)
    except Refused as error:
        next_free = error.next_free if isinstance(error, PublishedVersion) else None
        return AttributeGroupPlan(
            change="refused", text=str(error), name=group.name, version=group.version, next_free_version=next_free
        )
    return _possible(plan)


def _invalid(problems: list[Problem]) -> AttributeGroupPlan:
    count = len(problems)
    lines = "\n".join(f"  {problem}" for problem in problems)
    return AttributeGroupPlan(
        change="invalid",
        text=f"The definition has {count} problem{'s' * (count != 1)}:\n{lines}",
        problems=[ValidationProblem.model_validate(problem.as_json()) for problem in problems],
    )


def _possible(plan: GroupPlan) -> AttributeGroupPlan:
    before, group = plan.before, plan.after.group
    title = f"attribute group {group.name} version {group.version}"
    if before is None and plan.highest is None:
        change, text = "new_group", f"Publishing registers {title}, the first of its name."
    elif before is None:
        change, text = "new_version", f"Publishing registers {title}. Other versions stay as they are."
    elif before == plan.after:
        change, text = "unchanged", f"Publishing changes nothing: {title} is published just so."
    else:
        known = before.published_at is not None and before.state_id == plan.after.state_id
        values = "Values that were computed before are continued." if known else "It starts without values."
        if same_definition(before.group, group):
            change, text = "publish", f"Publishing puts the draft of {title} to use as it is. {values}"
        else:
            change, text = "replace_draft", f"Publishing replaces the draft of {title} and puts it to use. {values}"
    return AttributeGroupPlan.model_validate(
        {"change": change, "text": text, "name": group.name, "version": group.version}
    )
