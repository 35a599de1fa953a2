"""Writing and reading definitions: what each call of the registry asks, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from snowmelt.definitions import AttributeGroup, AttributeKey, EventLog, RuleIntervention, Service
from snowmelt.definitions.wire import AttributeGroupResponse, AttributeKeyOutput
from snowmelt.sdk.errors import SignalsConfigError, SignalsError
from snowmelt.sdk.messages import Call, Request, Response
from snowmelt.sdk.not_yet import not_yet

Publishable = AttributeGroup | Service | AttributeKey | RuleIntervention | EventLog
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Kind:
    """One collection of the registry.

    Args:
        path: Of the collection, with its trailing slash.
        model: The class of its members.
        versioned: Whether members are addressed by name and version.
    """

    path: str
    model: type[AttributeKey] | type[AttributeGroup] | type[Service]
    versioned: bool = False

    def item(self, definition: Any) -> str:
        """The path of one member."""
        path = self.path + quote(definition.name, safe="")
        return f"{path}/versions/{definition.version}" if self.versioned else path


KEYS = Kind("registry/attribute_keys/", AttributeKey)
GROUPS = Kind("registry/attribute_groups/", AttributeGroup, versioned=True)
SERVICES = Kind("registry/services/", Service)
IN_ORDER = (KEYS, GROUPS, SERVICES)
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
    return (yield from _get(KEYS.path + quote(name, safe=""), AttributeKeyOutput))


def get_group(name: str, version: int | None = None) -> Call[AttributeGroupResponse]:
    """One version of a group, or its highest."""
    path = GROUPS.path + quote(name, safe="")
    if version is not None:
        path += f"/versions/{version}"
    return (yield from _get(path, AttributeGroupResponse))


def get_service(name: str) -> Call[Service]:
    """One service."""
    return (yield from _get(SERVICES.path + quote(name, safe=""), Service))


def list_keys() -> Call[list[AttributeKeyOutput]]:
    """All attribute keys, the built-in ones too."""
    return (yield from _list(KEYS, AttributeKeyOutput))


def list_groups() -> Call[list[AttributeGroupResponse]]:
    """All versions of all groups."""
    return (yield from _list(GROUPS, AttributeGroupResponse))


def list_services() -> Call[list[Service]]:
    """All services."""
    return (yield from _list(SERVICES, Service))


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
    for upcoming in (RuleIntervention, EventLog):
        if isinstance(definition, upcoming):
            raise not_yet(f"Signals.{call}({upcoming.__name__})")
    raise SignalsConfigError(
        f"{call}() takes a list of attribute keys, attribute groups and services, "
        f"but one item is a {type(definition).__name__}"
    )


def _create_or_replace(kind: Kind, definition: Publishable) -> Call[Publishable]:
    body = definition.to_wire()
    response = yield Request("POST", kind.path, body)
    if response.status == 400:
        response = yield Request("PUT", kind.item(definition), body)
    return _parsed(response, type(definition), response.json())


def _get(path: str, model: type[M]) -> Call[M]:
    response = yield Request("GET", path)
    return _parsed(response, model, response.json())


def _list(kind: Kind, model: type[M]) -> Call[list[M]]:
    response = yield Request("GET", kind.path)
    items = response.json()
    if not isinstance(items, list):
        raise response.unexpected(f"expected a list, got {type(items).__name__}")
    return [_parsed(response, model, item) for item in items]


def _parsed(response: Response, model: type[M], body: Any) -> M:
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
