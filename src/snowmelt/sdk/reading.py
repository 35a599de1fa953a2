"""Reading attributes: one endpoint, by service or by group, for one identifier or many."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from snowmelt.sdk.messages import Call, Request, Response

PATH = "get-online-attributes"
IDENTIFIERS_PER_REQUEST = 1000

Values = dict[str, Any]


def of_service(name: str, attribute_key: str, identifier: str) -> Call[Values]:
    """The attributes of all groups of a service, for one identifier."""
    rows = yield from _rows({"service": name}, attribute_key, [identifier])
    return rows[0]


def of_group(
    name: str, version: int, attributes: Sequence[str] | str, attribute_key: str, identifier: str
) -> Call[Values]:
    """Some attributes of one version of a group, for one identifier."""
    rows = yield from _rows(_qualified(name, version, attributes), attribute_key, [identifier])
    return rows[0]


def of_service_batch(name: str, attribute_key: str, identifiers: Iterable[str]) -> Call[dict[str, Values]]:
    """The same as `of_service` for many identifiers; one request for each thousand of them."""
    return (yield from _batch({"service": name}, attribute_key, identifiers))


def of_group_batch(
    name: str, version: int, attributes: Sequence[str] | str, attribute_key: str, identifiers: Iterable[str]
) -> Call[dict[str, Values]]:
    """The same as `of_group` for many identifiers; one request for each thousand of them."""
    return (yield from _batch(_qualified(name, version, attributes), attribute_key, identifiers))


def _qualified(name: str, version: int, attributes: Sequence[str] | str) -> dict[str, Any]:
    chosen = [attributes] if isinstance(attributes, str) else attributes
    return {"attributes": [f"{name}_v{version}:{attribute}" for attribute in chosen]}


def _batch(what: dict[str, Any], attribute_key: str, identifiers: Iterable[str]) -> Call[dict[str, Values]]:
    found: dict[str, Values] = {}
    for chunk in _chunks(list(dict.fromkeys(identifiers))):
        rows = yield from _rows(what, attribute_key, chunk)
        found.update(zip(chunk, rows, strict=True))
    return found


def _chunks(identifiers: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(identifiers), IDENTIFIERS_PER_REQUEST):
        yield identifiers[start : start + IDENTIFIERS_PER_REQUEST]


def _rows(what: dict[str, Any], attribute_key: str, identifiers: list[str]) -> Call[list[Values]]:
    body = {"attribute_keys": {attribute_key: identifiers}, "full_attribute_names": False, **what}
    response = yield Request("POST", PATH, body, reads=True)
    columns = _columns(response)
    return [
        {name: column[row] if row < len(column) else None for name, column in columns.items()}
        for row in range(len(identifiers))
    ]


def _columns(response: Response) -> dict[str, list[Any]]:
    """The answer is columnar: an array for each attribute, with an item for each identifier."""
    answer = response.json()
    if not isinstance(answer, dict):
        raise response.unexpected(f"expected an object of columns, got {type(answer).__name__}")
    for name, column in answer.items():
        if not isinstance(column, list):
            raise response.unexpected(f"the column {name!r} is not an array")
    return answer
