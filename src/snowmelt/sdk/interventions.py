"""Interventions one by one: their definitions, without falling back from one call to another, and pushing them."""

from typing import Literal
from urllib.parse import quote

from snowmelt.definitions import AttributeKeyIdentifiers, InterventionInstance, RuleIntervention
from snowmelt.definitions.wire import RuleInterventionResponse
from snowmelt.sdk.following import PATH, query
from snowmelt.sdk.messages import Call, Request
from snowmelt.sdk.registry import INTERVENTIONS, all_of, one, parsed

Status = Literal["undelivered", "success", "failure"]


def push(intervention: InterventionInstance, targets: AttributeKeyIdentifiers) -> Call[Status]:
    """Send an intervention to whoever is subscribed to the targets."""
    response = yield Request("POST", f"{PATH}?{query(targets)}", intervention.model_dump(exclude_none=True))
    answer = response.json()
    status: object = answer.get("status") if isinstance(answer, dict) else None
    match status:
        case "undelivered" | "success":
            return status
        case _:
            return "failure"


def get(name: str, version: int | None = None) -> Call[RuleInterventionResponse]:
    """One version of an intervention, or its highest."""
    path = INTERVENTIONS.path + quote(name, safe="")
    if version is not None:
        path += f"/versions/{version}"
    return (yield from one(path, RuleInterventionResponse))


def all_versions() -> Call[list[RuleInterventionResponse]]:
    """All versions of all interventions."""
    return (yield from all_of(INTERVENTIONS, RuleInterventionResponse))


def create(intervention: RuleIntervention) -> Call[RuleInterventionResponse]:
    """Register a version; it must be new."""
    response = yield Request("POST", INTERVENTIONS.path, _body(intervention))
    return parsed(response, RuleInterventionResponse, response.json())


def update(intervention: RuleIntervention) -> Call[RuleInterventionResponse]:
    """Replace a version; it must be there."""
    response = yield Request("PUT", INTERVENTIONS.item(intervention), _body(intervention))
    return parsed(response, RuleInterventionResponse, response.json())


def delete(name: str, version: int) -> Call[dict[str, bool]]:
    """Remove an unpublished version; gives the answer back as it came."""
    response = yield Request("DELETE", f"{INTERVENTIONS.path}{quote(name, safe='')}/versions/{version}")
    answer = response.json()
    return answer if isinstance(answer, dict) else {"ok": True}


def _body(intervention: RuleIntervention) -> dict[str, object]:
    return {name: value for name, value in intervention.to_wire().items() if value is not None}
