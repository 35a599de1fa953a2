"""Schemas that tests make up, and repositories that do as they are told."""

import json
from collections.abc import Callable
from typing import Any

from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.http_registry import Answer
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.schema import Schema


def key(name: str = "order", version: str = "1-0-0", vendor: str = "com.acme") -> SchemaKey:
    return SchemaKey(vendor, name, "jsonschema", version)


def document(described: SchemaKey | None = None, **rest: Any) -> bytes:
    """A schema; by default one that allows everything."""
    return json.dumps({"self": (described or key())._asdict()} | rest).encode()


def schema(described: SchemaKey | None = None, **rest: Any) -> Schema:
    return Schema.parse(document(described, **rest))


class Shelf:
    """A repository whose answers a test sets."""

    def __init__(self, name: str = "shelf", priority: int = 0, *prefixes: str) -> None:
        self.place = Place(name, priority, prefixes)
        self.has: dict[SchemaKey, Schema | Absence] = {}
        self.asked: list[SchemaKey] = []

    def look_up(self, wanted: SchemaKey) -> Schema | Absence:
        self.asked.append(wanted)
        return self.has.get(wanted, Absence("missing", "not on the shelf"))

    def look_anew(self) -> None:
        """It remembers nothing."""


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Web:
    """A web server without a network: what it serves can be changed, and it can be down or slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.serves: dict[str, Answer] = {}
        self.fails: Callable[[], Exception] | None = None
        self.takes = 0.0
        self.asked: list[str] = []

    def put(self, described: SchemaKey, **rest: Any) -> None:
        self.serves[f"http://iglu.test/schemas/{'/'.join(described)}"] = Answer(200, document(described, **rest))

    def __call__(self, url: str) -> Answer:
        self.asked.append(url)
        self._clock.now += self.takes
        if self.fails is not None:
            raise self.fails()
        return self.serves.get(url, Answer(404, b"not found"))
