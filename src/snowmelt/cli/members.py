"""Members of a mapping that no definition has: in files of our own a misspelt member must not pass silently."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from snowmelt.definitions.problems import Problem

Models = list[type[BaseModel]]
UNKNOWN = "unknown_member"


def unknown_members(data: Any, model: type[BaseModel]) -> list[Problem]:
    """Every member of a mapping, at any depth, that the definition has no place for.

    What has another shape than the definition's is passed over: reading it tells that better.

    Args:
        data: what was read from a file.
        model: the definition that it is to be.

    >>> from snowmelt.definitions import Attribute
    >>> [str(one) for one in unknown_members({"name": "n", "evnts": []}, Attribute)]
    ['evnts: there is no such member; did you mean `events`?']
    """
    return list(_unknown(data, [model], ()))


def _unknown(data: Any, models: Models, place: tuple[str | int, ...]) -> Iterator[Problem]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _unknown(item, models, (*place, index))
        return
    if not isinstance(data, Mapping) or not models:
        return
    members: dict[str, Models] = {}
    for model in _meant(data, models):
        model.model_rebuild()  # where definitions hold each other, what a member is is known only then
        for name, field in model.model_fields.items():
            for written in _names(name, field):
                members.setdefault(written, []).extend(_models_in(field.annotation))
    for name, value in data.items():
        if name in members:
            yield from _unknown(value, members[name], (*place, name))
        else:
            yield Problem((*place, str(name)), f"there is no such member; {_advice(str(name), members)}", UNKNOWN)


def _advice(name: str, members: Mapping[str, object]) -> str:
    close = get_close_matches(name, members, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else f"there is {', '.join(members)}"


def _names(name: str, field: FieldInfo) -> Iterator[str]:
    """How a member may be written; the name on the wire first."""
    match field.validation_alias:
        case AliasChoices(choices=choices):
            yield from (choice for choice in choices if isinstance(choice, str))
        case str(alias):
            yield alias
    if not field.validation_alias:
        yield name


def _meant(data: Mapping[Any, Any], models: Models) -> Models:
    """The variants that a mapping can be: those of its `type`, or all if it does not tell."""
    chosen = [model for model in models if data.get("type") in _types(model)] if "type" in data else []
    return chosen or models


def _types(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("type")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()


def _models_in(annotation: Any) -> Models:
    """The definitions that a member's annotation names, in lists and unions too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = get_origin(annotation)
    if origin is Annotated:
        return _models_in(get_args(annotation)[0])
    if origin in (Union, UnionType, list):
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
