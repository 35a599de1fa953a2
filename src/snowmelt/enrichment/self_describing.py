"""Self-describing events and entities taken out of their wrappers, with every reason why they can't be."""

import re
from functools import lru_cache
from typing import Any

from snowmelt.enrichment.validation import (
    VALID,
    Report,
    SchemaValidator,
    extra_report,
    report,
    required_report,
    type_report,
    validation_error,
)
from snowmelt.events.canonical import SelfDescribing, is_self_describing
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.json_text import NotJsonError, parse_json
from snowmelt.events.schema_key import SchemaKey

Message = dict[str, Any]
"""One thing wrong with an event, as a failed event lists it."""

_SNOWPLOW = "com.snowplowanalytics.snowplow"
_ITEM_URI = re.compile(r"iglu:[a-zA-Z0-9\-_.]+/[a-zA-Z0-9\-_]+/[a-zA-Z0-9\-_]+/[0-9]+-[0-9]+-[0-9]+", re.ASCII)
_SHOWN_CHARACTERS = 512


class Findings:
    """What unwrapping one event's JSON brought to light.

    Args:
        messages: what is wrong, in the order found.
        superseded: schema URI as sent -> version that judged the data in its place.
    """

    __slots__ = ("messages", "superseded")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.superseded: dict[str, str] = {}

    def invalid(self, uri: str, error: dict[str, Any]) -> None:
        """Note that data is not valid against the schema of this URI."""
        self.messages.append({"schemaKey": uri, "error": error})


def not_json(field: str, text: str, error: NotJsonError) -> Message:
    """The message for a text that is not JSON; the text is shown up to 512 characters."""
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return {"field": field, "value": shown, "error": str(error)}


def unwrap_event(text: str, validator: SchemaValidator, findings: Findings) -> SelfDescribing | None:
    """The event inside an ``unstruct_event`` wrapper, or ``None`` with the reasons in ``findings``.

    Args:
        text: JSON as the tracker sent it.
        validator: judges the event's data.
        findings: takes what is wrong.
    """
    wrapper = _wrapper(text, "unstruct_event", findings)
    if wrapper is None:
        return None
    uri, data = wrapper
    if not _is_plain_item(data):
        reports = _item_reports(data, "$")
        if reports:
            findings.invalid(uri, validation_error(reports))
            return None
    return _validated(data, validator, findings)


def unwrap_entities(text: str, validator: SchemaValidator, findings: Findings) -> list[SelfDescribing]:
    """The good entities in a ``contexts`` wrapper, in order; a reason in ``findings`` for each bad one.

    Takes what ``unwrap_event`` takes.
    """
    wrapper = _wrapper(text, "contexts", findings)
    if wrapper is None:
        return []
    uri, data = wrapper
    reports = _list_reports(data, at_least_one=uri.endswith("/1-0-0"))
    if reports:
        findings.invalid(uri, validation_error(reports))
        return []
    items = [_validated(item, validator, findings) for item in data]
    return [item for item in items if item is not None]


def _wrapper(text: str, name: str, findings: Findings) -> tuple[str, Any] | None:
    try:
        value = parse_json(text)
    except NotJsonError as error:
        findings.messages.append(not_json(name, text, error))
        return None
    if not is_self_describing(value):
        findings.messages.append({"json": value, "error": "INVALID_DATA_PAYLOAD"})
        return None
    uri: str = value["schema"]
    try:
        key = SchemaKey.parse(uri)
    except SchemaUriError as error:
        findings.messages.append({"json": value, "error": error.word})
        return None
    if key[:3] != (_SNOWPLOW, name, "jsonschema") or not key.version.startswith("1-0-"):
        criterion = f"iglu:{_SNOWPLOW}/{name}/jsonschema/1-0-*"
        findings.messages.append({"schemaKey": uri, "schemaCriterion": criterion})
        return None
    return uri, value["data"]


def _validated(item: Any, validator: SchemaValidator, findings: Findings) -> SelfDescribing | None:
    uri: str = item["schema"]
    try:
        key = SchemaKey.parse(uri)
    except SchemaUriError as error:
        findings.messages.append({"json": item, "error": error.word})
        return None
    verdict = validator.check(key, item["data"])
    if verdict is VALID:
        return item  # type: ignore[no-any-return]
    if verdict.error is not None:
        findings.invalid(uri, verdict.error)
        return None
    if verdict.superseded_by is not None:
        findings.superseded[uri] = verdict.superseded_by
        uri = key._replace(version=verdict.superseded_by).uri
    return {"schema": uri, "data": item["data"]}


def _is_plain_item(item: Any) -> bool:
    """Whether the item meets its wrapper's schema for certain; what does not is looked at closely."""
    if type(item) is not dict or len(item) != 2 or "schema" not in item or "data" not in item:
        return False
    uri = item["schema"]
    return type(uri) is str and _is_item_uri(uri)


def _is_item_uri(uri: str) -> bool:
    return _is_item_uri_cached(uri) if len(uri) <= 512 else _ITEM_URI.fullmatch(uri) is not None


@lru_cache(maxsize=4096)
def _is_item_uri_cached(uri: str) -> bool:
    return _ITEM_URI.fullmatch(uri) is not None


def _list_reports(data: Any, at_least_one: bool) -> list[Report]:
    if not isinstance(data, list):
        return [type_report(data, "array", "$")]
    if not data and at_least_one:
        return [report("at least 1 entity is expected", "$", "minItems", "1")]
    reports: list[Report] = []
    for index, item in enumerate(data):
        if not _is_plain_item(item):
            reports += _item_reports(item, f"$[{index}]")
    return reports


def _item_reports(item: Any, path: str) -> list[Report]:
    if not isinstance(item, dict):
        return [type_report(item, "object", path)]
    reports = [required_report(key, path) for key in ("schema", "data") if key not in item]
    reports += [extra_report(key, path) for key in item if key not in ("schema", "data")]
    if "schema" in item:
        uri = item["schema"]
        if not isinstance(uri, str):
            reports.append(type_report(uri, "string", f"{path}.schema"))
        elif not _is_item_uri(uri):
            pattern = f"^{_ITEM_URI.pattern}$"
            message = "must be a schema URI, iglu:<vendor>/<name>/<format>/<model>-<revision>-<addition>"
            reports.append(report(message, f"{path}.schema", "pattern", pattern))
    return reports
