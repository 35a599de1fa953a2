"""What a schema has to say about some data, and where a registry of schemas is plugged in."""

from typing import Any, ClassVar, NamedTuple, Protocol

from snowmelt.errors import SnowmeltError
from snowmelt.events.schema_key import SchemaKey

Report = dict[str, Any]
"""One violation: ``message``, ``path``, ``keyword``, ``targets``."""


class Verdict(NamedTuple):
    """The outcome of validating data against a schema.

    Args:
        error: ``None`` if the data is valid; else a ValidationError or ResolutionError object as failed
            events hold it (see ``validation_error``).
        superseded_by: the version that was used in place of the one asked for.
    """

    error: dict[str, Any] | None = None
    superseded_by: str | None = None


VALID = Verdict()
"""The verdict on data that is simply valid."""


class SchemasUnavailable(SnowmeltError):
    """Whether an event is valid cannot be said now, and should be asked again later."""

    code: ClassVar[str] = "schemas_unavailable"


class SchemaValidator(Protocol):
    """Validates data against schemas: the one place that knows where schemas come from."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        """The verdict of the schema on the data; must not change the data.

        Raises:
            SchemasUnavailable: there is none at the moment; the event must be neither let through nor refused.
        """
        ...

    def look_anew(self, asked: int) -> None:
        """Rely on nothing that was found out before this call.

        Args:
            asked: stands for the reason to; the same one as before is none.
        """
        ...


class AcceptEverySchema:
    """The validator of a pipeline without a schema registry: everything well formed is valid."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        """Always valid."""
        return VALID

    def look_anew(self, asked: int) -> None:
        """There is nothing to be found out."""


def report(message: str, path: str, keyword: str, *targets: str) -> Report:
    """One violation.

    Args:
        message: the rule that is broken.
        path: where, such as ``$[1].vid``, or the name of a parameter or column.
        keyword: of the JSON schema, or a word of the pipeline's own.
        targets: what the keyword was about, such as the missing key.
    """
    return {"message": message, "path": path, "keyword": keyword, "targets": list(targets)}


def validation_error(reports: list[Report]) -> dict[str, Any]:
    """The error object that lists violations."""
    return {"error": "ValidationError", "dataReports": reports}


def json_type(value: Any) -> str:
    """The JSON name of a value's type.

    >>> json_type(True), json_type(1.5), json_type({})
    ('boolean', 'number', 'object')
    """
    return _JSON_TYPES.get(type(value), "number")


_JSON_TYPES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    type(None): "null",
}


def type_report(value: Any, wanted: str, path: str) -> Report:
    """The violation of a value that is of another type."""
    found = json_type(value)
    return report(f"{found} found, {wanted} expected", path, "type", found, wanted)


def required_report(key: str, path: str) -> Report:
    """The violation of an object that lacks a key."""
    return report(f"key {key} is missing", path, "required", key)


def extra_report(key: str, path: str) -> Report:
    """The violation of an object with a key that its schema does not know."""
    return report(f"key {key[:100]} is not allowed here", path, "additionalProperties", key)
