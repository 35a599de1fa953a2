"""A schema made ready to judge data, and its judgement in the words of failed events."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NoReturn

import jsonschema_rs

from snowmelt.enrichment.validation import Report, extra_report, report, required_report, type_report
from snowmelt.events.json_text import dump_json

MAX_REPORTS: Final = 100
"""Violations listed of one value: an event of a million wrong items must not make a row of a gigabyte."""
BACKTRACK_LIMIT: Final = 100_000
"""Steps back that a pattern may take on one text, about 2 ms; data on which it takes more is not valid."""

_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)", re.ASCII
)
_FORMATS = {
    # Draft 4 knows neither; the others that are asserted it does know.
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    # Draft 4 would assert this one.
    "regex": lambda text: True,
}
_LIMITS = {
    "maxLength": "may have at most {} characters",
    "minLength": "must have at least {} characters",
    "maximum": "must be at most {}",
    "minimum": "must be at least {}",
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be greater than {}",
    "maxItems": "may have at most {} items",
    "minItems": "must have at least {} items",
    "additionalItems": "may have at most {} items",
    "maxProperties": "may have at most {} keys",
    "minProperties": "must have at least {} keys",
}
_PLAIN = {
    "uniqueItems": "no item may be there twice",
    "anyOf": "must be valid by at least one of several schemas, and is by none",
    "oneOf": "must be valid by exactly one of several schemas",
    "not": "must not be valid by a schema that it is valid by",
}
_GAVE_UP = "a pattern takes too many steps on it"


class CompiledSchema:
    """Judges data by a schema of draft 4.

    Nothing is converted: ``"1"`` is no number and ``1.0`` no integer. Patterns match anywhere in a text. Asserted
    formats are uri, ipv4, ipv6, hostname, date, date-time, time, uuid, email and duration.

    Args:
        schema: the document.

    Raises:
        ValueError: it is not a valid schema.

    >>> CompiledSchema({"required": ["id"]}).reports({})
    [{'message': 'key id is missing', 'path': '$', 'keyword': 'required', 'targets': ['id']}]
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        # The meta-schema that documents name is not one that the library knows, and an `id` would move references.
        plain = {name: value for name, value in schema.items() if name not in ("$schema", "id", "self")}
        try:
            self._validator = jsonschema_rs.Draft4Validator(
                plain,
                formats=_FORMATS,
                validate_formats=True,
                ignore_unknown_formats=True,
                retriever=_refuse,
                pattern_options=_PATTERNS,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise ValueError(f"it is not a valid schema of draft 4: {_first_line(error)}") from None
        self._is_valid = self._validator.is_valid

    def is_valid(self, data: Any) -> bool:
        """Whether the schema allows the data.

        Cost: about 2 microseconds for an entity of ten keys.
        """
        try:
            return self._is_valid(data)
        except ValueError:
            # A number that remembers how it was written is a class of its own.
            return self._is_valid(_plain(data))

    def reports(self, data: Any) -> list[Report]:
        """What the schema finds wrong, the first hundred of it; empty if the data is valid."""
        found = list(islice(self._reports(data), MAX_REPORTS))
        # The library does not list a pattern that gave up beside another violation of the same object.
        return found if found or self.is_valid(data) else [report(_GAVE_UP, "$", "pattern")]

    def _reports(self, data: Any) -> Iterator[Report]:
        for error in self._validator.iter_errors(_plain(data)):
            yield from _reported(error)


def _reported(error: jsonschema_rs.ValidationError) -> Iterator[Report]:
    path = _path(error.instance_path)
    kind = error.kind
    keyword: str = kind.name
    found = kind.as_dict()
    if keyword == "type":
        yield type_report(error.instance, " or ".join(found["types"]), path)
    elif keyword == "required":
        yield required_report(found["property"], path)
    elif keyword == "additionalProperties":
        for key in found["unexpected"]:
            yield extra_report(key, path)
    elif keyword == "falseSchema":
        # So the library says it, without the key, where no key at all is allowed.
        yield report("no key is allowed here", path, str(error.schema_path[-1]))
    elif keyword in _LIMITS:
        limit = dump_json(found["limit"]).decode()
        yield report(_LIMITS[keyword].format(limit), path, keyword, limit)
    elif keyword == "multipleOf":
        step = dump_json(found["multiple_of"]).decode()
        yield report(f"must be a multiple of {step}", path, keyword, step)
    elif keyword == "enum":
        options = [dump_json(option).decode() for option in found["options"]]
        yield report(f"must be one of {', '.join(options)[:500]}", path, keyword, *options[:100])
    elif keyword == "pattern":
        pattern = found.get("pattern")
        if pattern is None:
            yield report(_GAVE_UP, path, keyword)
        else:
            yield report(f"must match the pattern {pattern[:500]}", path, keyword, pattern[:500])
    elif keyword == "format":
        yield report(f"must be of the format {found['format']}", path, keyword, found["format"])
    else:
        yield report(_PLAIN.get(keyword, f"breaks the rule {keyword}"), path, keyword)


def _path(steps: list[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step[:100]}" for step in steps)


def _plain(value: Any) -> Any:
    """The same data in the types that the library takes."""
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    if type(value) is list:
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value)
    return value


def _first_line(error: Exception) -> str:
    return " ".join(str(error).partition("\n\nOn instance")[0].split())[:300]


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not followed: references lead inside the schema only")
