"""What makes a schema unsafe to run: references to elsewhere, and work that grows without bound."""

from collections.abc import Iterator
from typing import Any

MAX_WORK = 50_000
"""Subschemas that one value may be held against at most, all references followed once."""

_SUBSCHEMAS = ("not", "additionalProperties", "additionalItems")
_LISTS = ("allOf", "anyOf", "oneOf")
_MAPS = ("properties", "patternProperties", "dependencies")


def problems_of(schema: dict[str, Any]) -> list[str]:
    """Why a schema must not be used, if it must not.

    References are followed inside the schema only, so that a schema never makes anybody fetch anything. And as each
    reference can double the work of the one before, the work is counted before it is done: with every reference
    followed, a schema may come to 50,000 subschemas. A schema that contains itself counts once.

    >>> problems_of({"properties": {"a": {"$ref": "http://example.com/a.json"}}})
    ['the reference http://example.com/a.json leads out of the schema: only #/... is followed']
    """
    problems = [
        f"the reference {str(target)[:200]} leads out of the schema: only #/... is followed"
        for target in dict.fromkeys(map(str, _references(schema)))
        if not target.startswith("#")
    ]
    if not problems and _Work(schema).of(schema) > MAX_WORK:
        problems.append(f"its references multiply to more than {MAX_WORK:,} subschemas")
    return problems


def _references(node: Any) -> Iterator[Any]:
    """Every value of ``$ref`` wherever it stands, also where it would be no reference."""
    if isinstance(node, dict):
        for name, value in node.items():
            # A property may be called $ref; what describes it is then an object.
            if name == "$ref" and not isinstance(value, dict):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


class _Work:
    """Counts the subschemas that a schema comes to."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()

    def of(self, node: Any) -> int:
        """The work of one subschema, with all that it contains and refers to."""
        if not isinstance(node, dict):
            return 1
        place = id(node)
        if place in self._known:
            return self._known[place]
        if place in self._open:
            return 1
        self._open.add(place)
        work = 1
        for child in self._children(node):
            # Beyond the bound the exact number does not matter, and would grow to one of many digits.
            work = min(work + self.of(child), MAX_WORK + 1)
        self._open.discard(place)
        self._known[place] = work
        return work

    def _children(self, node: dict[str, Any]) -> Iterator[Any]:
        target = node.get("$ref")
        if isinstance(target, str):
            yield self._target(target)
        for name in _SUBSCHEMAS:
            if name in node:
                yield node[name]
        items = node.get("items")
        yield from items if isinstance(items, list) else [items] if items is not None else []
        for name in _LISTS:
            found = node.get(name)
            yield from found if isinstance(found, list) else []
        for name in _MAPS:
            found = node.get(name)
            yield from found.values() if isinstance(found, dict) else []

    def _target(self, reference: str) -> Any:
        """What a reference names, ``None`` if nothing: compiling the schema says so."""
        found: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(name)
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found
