"""Definitions as the registry keeps them: the JSON of the wire, absent members left out."""

import msgspec

from snowmelt.definitions import AttributeGroup, read_group
from snowmelt.definitions.base import Definition


class _Kind(msgspec.Struct):
    offline: bool | None = None


class _Access(msgspec.Struct):
    access_mode: str | None = None


_read_kind = msgspec.json.Decoder(_Kind).decode
_read_access = msgspec.json.Decoder(_Access).decode


def to_json(definition: Definition) -> str:
    """A definition as text. Equal definitions give equal texts."""
    return msgspec.json.encode(definition.to_wire()).decode()


def group_from_json(text: str) -> AttributeGroup:
    """A group of its kind; drafts may be of none yet."""
    return read_group(msgspec.json.decode(text))


def is_stream(text: str) -> bool:
    """Whether a group's JSON is computed from the stream, without parsing the whole of it."""
    return not _read_kind(text).offline


def is_public(text: str) -> bool:
    """Whether a service's JSON lets it be read without a token, without parsing the whole of it."""
    return _read_access(text).access_mode == "public"
