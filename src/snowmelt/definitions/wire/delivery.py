"""An intervention on its way to subscribers: the text that goes over the wire."""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

TextValues: TypeAlias = Literal["plain", "json"]
"""How texts among the values are sent: as they are, or as JSON, in quotes."""


def attribute_text(value: Any, texts: TextValues = "plain") -> str | None:
    """A value as subscribers get it, None if it is left out. Text stays as it is, all else becomes compact JSON.

    >>> [attribute_text(value) for value in ("shoes", 250.5, True, ["a", "b"], None)]
    ['shoes', '250.5', 'true', '["a","b"]', None]
    >>> attribute_text("shoes", "json")
    '"shoes"'
    """
    if value is None or (isinstance(value, str) and texts == "plain"):
        return value
    return _compact(value)


def payload(
    intervention_id: str, name: str, version: int, attributes: Mapping[str, Any], texts: TextValues = "plain"
) -> bytes:
    """An intervention as JSON, but for its target.

    Args:
        intervention_id: a UUID, the same for all its targets.
        name: of the intervention.
        version: of the intervention.
        attributes: values by ``group:attribute``; nulls are left out.
        texts: how texts among them are sent.

    >>> payload("550e8400-e29b-41d4-a716-446655440000", "hello", 1, {"shop:carts": 3, "shop:last": None})
    b'{"intervention_id":"550e8400-e29b-41d4-a716-446655440000","name":"hello","version":1,"attributes":{"shop:carts":"3"}}'
    """
    sent = {name: text for name, value in attributes.items() if (text := attribute_text(value, texts)) is not None}
    members = {"intervention_id": intervention_id, "name": name, "version": version, "attributes": sent}
    return _compact(members).encode()


def targeted(payload: bytes, key: str, identifier: str) -> bytes:
    """The same for one target: what a subscriber reads.

    >>> targeted(b'{"name":"hello"}', "domain_userid", "ann")
    b'{"name":"hello","target_attribute_key":{"name":"domain_userid","id":"ann"}}'
    """
    target = _compact({"name": key, "id": identifier}).encode()
    return payload[:-1] + b',"target_attribute_key":' + target + b"}"


# Everything but ASCII is escaped: some clients take U+2028 and the like for the end of a line.
_compact = json.JSONEncoder(separators=(",", ":")).encode
