"""One schema as a registry holds it: read, checked, and compiled when it is first needed."""

from functools import cached_property
from typing import Any, ClassVar

import msgspec

from snowmelt.errors import SnowmeltError
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.json_text import NotJsonError, parse_json
from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.compiled import CompiledSchema
from snowmelt.iglu.soundness import problems_of

MAX_BYTES = 1024**2
"""A longer document is no schema."""
MAX_DEPTH = 64
"""Deepest nesting of a schema."""

_decode = msgspec.json.Decoder().decode


class UnusableSchema(SnowmeltError):
    """A document that cannot serve as a schema.

    Args:
        problems: everything that is wrong with it.
    """

    code: ClassVar[str] = "unusable_schema"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Schema:
    """A self-describing JSON schema of draft 4.

    Args:
        key: what it says that it describes.
        text: the document.
        document: the same, read.

    Raises:
        UnusableSchema: the document is not a schema that can be used; says everything that is wrong.
    """

    def __init__(self, key: SchemaKey, text: bytes, document: dict[str, Any]) -> None:
        problems = problems_of(document)
        superseded_by = document.get("$supersededBy")
        if superseded_by is not None:
            try:
                SchemaKey.parse(key._replace(version=str(superseded_by)).uri)
            except SchemaUriError:
                problems.append("$supersededBy must be a version such as 1-0-1")
        if problems:
            raise UnusableSchema(problems)
        self.key = key
        self.text = text
        self.superseded_by: str | None = superseded_by
        """The version that is to be used instead."""
        self._document = document

    @cached_property
    def compiled(self) -> CompiledSchema:
        """What judges data by it; made once.

        Raises:
            UnusableSchema: it is not a valid schema of draft 4.
        """
        try:
            return CompiledSchema(self._document)
        except ValueError as error:
            raise UnusableSchema([str(error)]) from None

    @staticmethod
    def parse(text: bytes, expected: SchemaKey | None = None) -> "Schema":
        """The schema in a document.

        Args:
            text: JSON.
            expected: what it must describe; ``None`` takes whatever it says.

        >>> text = b'{"self": {"vendor": "com.acme", "name": "click", "format": "jsonschema", "version": "1-0-0"}}'
        >>> Schema.parse(text).key.uri
        'iglu:com.acme/click/jsonschema/1-0-0'

        Raises:
            UnusableSchema: it is none, or not the expected one.
        """
        if len(text) > MAX_BYTES:
            raise UnusableSchema([f"it is longer than {MAX_BYTES:,} bytes"])
        try:
            parse_json(text, MAX_DEPTH)
            document = _decode(text)
        except (NotJsonError, msgspec.DecodeError) as error:
            raise UnusableSchema([f"it is not JSON: {error}"]) from None
        if not isinstance(document, dict):
            raise UnusableSchema(["it is not a JSON object"])
        key = _described(document)
        if expected is not None and key != expected:
            raise UnusableSchema([f"it describes {key.uri}, not {expected.uri}"])
        return Schema(key, text, document)


def _described(document: dict[str, Any]) -> SchemaKey:
    """The key in the document's ``self``."""
    described = document.get("self")
    parts = ("vendor", "name", "format", "version")
    if not isinstance(described, dict) or not all(isinstance(described.get(part), str) for part in parts):
        raise UnusableSchema(['it has no "self" with the texts vendor, name, format and version'])
    if not described["vendor"].strip("."):
        raise UnusableSchema(["its vendor is made of dots"])
    try:
        return SchemaKey.parse(SchemaKey(*(described[part] for part in parts)).uri)
    except SchemaUriError as error:
        raise UnusableSchema([f"its self is not a schema key: {error}"]) from None
