"""Writing and reading definitions: what each call of the registry asks, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from snowmelt.definitions import (
    AgenticDecision,
    AgenticDecisionResponse,
    AttributeGroup,
    AttributeKey,
    EventLog,
    EventLogResponse,
    RuleIntervention,
    Service,
)
from snowmelt.definitions.wire import AttributeGroupPlan, AttributeGroupResponse, AttributeKeyOutput
from snowmelt.sdk.errors import SignalsConfigError, SignalsError
from snowmelt.sdk.messages import Call, Request, Response

Publishable = AttributeGroup | Service | AttributeKey | RuleIntervention | EventLog | AgenticDecision
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind:
    """One collection of the registry.

    Args:
        path: Of the collection, with its trailing slash.
        model: The class of its members.
        versioned: Whether members are addressed by name and version.
        engines: What they are called in calls that publish; None where a definition itself says its state.
    """

    path: str
    model: type[Publishable]
    versioned: bool = False
    engines: str | None = None

    def item(self, definition: Any) -> str:
        """The path of one member."""
        path = self.path + quote(definition.name, safe="")
        return f"{path}/versions/{definition.version}" if self.versioned else path


KEYS = Kind("registry/attribute_keys/", AttributeKey)
GROUPS = Kind("registry/attribute_groups/", AttributeGroup, versioned=True)
SERVICES = Kind("registry/services/", Service)
INTERVENTIONS = Kind("registry/interventions/", RuleIntervention, versioned=True)
EVENT_LOGS = Kind("registry/event_logs/", EventLog, engines="event_logs")
DECISIONS = Kind("registry/agentic_decisions/", AgenticDecision, engines="agentic_decisions")
IN_ORDER = (KEYS, GROUPS, SERVICES, INTERVENTIONS, EVENT_LOGS, DECISIONS)
"""What refers to something is written after it, and deleted before it."""


def publish(objects: Sequence[Publishable]) -> Call[list[Publishable]]:
    """Register and publish definitions; gives them back as the server has them, keys first."""
    return (yield from write(_with_state(objects, published=True, call="publish"), call="publish"))


def unpublish(objects: Sequence[Publishable]) -> Call[list[Publishable]]:
    """Take definitions out of use; what they have computed stays readable."""
    return (yield from write(_with_state(objects, published=False, call="unpublish"), call="unpublish"))


def write(objects: Sequence[Publishable], *, call: str = "publish") -> Call[list[Publishable]]:
    """Create each definition, or replace it where one of its name (and version) exists."""
    written: list[Publishable] = []
    for kind, definition in _sorted(objects, call):
        try:
            written.append((yield from _create_or_replace(kind, definition)))
        except SignalsError as error:
            _note(error, definition, written)
            raise
    return written


def delete(objects: Sequence[Publishable]) -> Call[None]:
    """Remove definitions and what they have computed; they must be unpublished."""
    for kind, definition in reversed(_sorted(objects, "delete")):
        response = yield Request("DELETE", kind.item(definition))
        response.json()


def get_key(name: str) -> Call[AttributeKeyOutput]:
    """One attribute key."""
    return (yield from one(KEYS.path + quote(name, safe=""), AttributeKeyOutput))


def get_group(name: str, version: int | None = None) -> Call[AttributeGroupResponse]:
    """One version of a group, or its highest."""
    path = GROUPS.path + quote(name, safe="")
    if version is not None:
        path += f"/versions/{version}"
    return (yield from one(path, AttributeGroupResponse))


def plan_group(definition: AttributeGroup | Mapping[str, Any]) -> Call[AttributeGroupPlan]:
    """What publishing a definition of a group would do."""
    body = definition.to_wire() if isinstance(definition, AttributeGroup) else dict(definition)
    response = yield Request("POST", "registry/attribute_group_plans", body, reads=True)
    return parsed(response, AttributeGroupPlan, response.json())


def get_service(name: str) -> Call[Service]:
    """One service."""
    return (yield from one(SERVICES.path + quote(name, safe=""), Service))


def get_event_log(name: str) -> Call[EventLogResponse]:
    """One event log: its newest definition."""
    return (yield from one(EVENT_LOGS.path + quote(name, safe=""), EventLogResponse))


def get_decision(name: str) -> Call[AgenticDecisionResponse]:
    """One agentic decision: its newest definition."""
    return (yield from one(DECISIONS.path + quote(name, safe=""), AgenticDecisionResponse))


def list_keys() -> Call[list[AttributeKeyOutput]]:
    """All attribute keys, the built-in ones too."""
    return (yield from all_of(KEYS, AttributeKeyOutput))


def list_groups() -> Call[list[AttributeGroupResponse]]:
    """All versions of all groups."""
    return (yield from all_of(GROUPS, AttributeGroupResponse))


def list_services() -> Call[list[Service]]:
    """All services."""
    return (yield from all_of(SERVICES, Service))


def list_event_logs() -> Call[list[EventLogResponse]]:
    """All event logs."""
    return (yield from all_of(EVENT_LOGS, EventLogResponse))


def list_decisions() -> Call[list[AgenticDecisionResponse]]:
    """All agentic decisions."""
    return (yield from all_of(DECISIONS, AgenticDecisionResponse))


def _with_state(objects: Sequence[Publishable], *, published: bool, call: str) -> list[Publishable]:
    return [definition.model_copy(update={"is_published": published}) for _, definition in _sorted(objects, call)]


def _sorted(objects: Sequence[Publishable], call: str) -> list[tuple[Kind, Publishable]]:
    """By kind; checked as a whole first, so that nothing is written when one object cannot be."""
    placed = [(_kind(definition, call), definition) for definition in objects]
    return [pair for kind in IN_ORDER for pair in placed if pair[0] is kind]


def _kind(definition: object, call: str) -> Kind:
    for kind in IN_ORDER:
        if isinstance(definition, kind.model):
            return kind
    raise SignalsConfigError(
        f"{call}() takes a list of definitions: attribute keys, attribute groups, services, interventions, "
        f"event logs, agentic decisions; but one item is a {type(definition).__name__}"
    )


def _create_or_replace(kind: Kind, definition: Publishable) -> Call[Publishable]:
    body = definition.to_wire()
    response = yield Request("POST", kind.path, body)
    if response.status == 400:
        response = yield Request("PUT", kind.item(definition), body)
    written = parsed(response, type(definition), response.json())
    if kind.engines is None:
        return written
    # Where drafts are written, putting them to use is a call of its own.
    change = "publish" if definition.is_published else "unpublish"
    response = yield Request("POST", f"engines/{change}", {kind.engines: [{"name": definition.name}]})
    response.json()
    return written.model_copy(update={"is_published": definition.is_published})


def one(path: str, model: type[M]) -> Call[M]:
    """The definition at a path."""
    response = yield Request("GET", path)
    return parsed(response, model, response.json())


def all_of(kind: Kind, model: type[M]) -> Call[list[M]]:
    """Every definition of a kind."""
    response = yield Request("GET", kind.path)
    items = response.json()
    if not isinstance(items, list):
        raise response.unexpected(f"expected a list, got {type(items).__name__}")
    return [parsed(response, model, item) for item in items]


def parsed(response: Response, model: type[M], body: Any) -> M:
    """The body of an answer as a ``model``.

    Raises:
        SignalsResponseError: It does not fit.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise response.unexpected(f"the body is no {model.__name__}: {error}") from error


def _note(error: SignalsError, definition: Publishable, written: list[Publishable]) -> None:
    error.add_note(f"while writing {_label(definition)}")
    if written:
        error.add_note(f"written before it: {', '.join(map(_label, written))}")


def _label(definition: Publishable) -> str:
    version = getattr(definition, "version", None)
    return f"{type(definition).__name__} {definition.name}" + (f" version {version}" if version else "")
