"""Failed events: what could not become an enriched event, why, and all that is needed to try again."""

from base64 import b64encode
from decimal import Decimal
from importlib.metadata import version as installed_version
from typing import Any, Literal, get_args

import msgspec

from snowmelt.enrichment.querystring import parse_pairs
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.events.canonical import CONTEXTS_WRAPPER, UNSTRUCT_EVENT_WRAPPER, Event
from snowmelt.events.fields import FIELDS
from snowmelt.events.json_text import dump_json
from snowmelt.events.numbers import decimal_text
from snowmelt.events.payload import CollectorPayload, SizeViolation
from snowmelt.events.timestamp import MAX_MS, MIN_MS, format_iso, format_plain

Category = Literal[
    "size_violation",
    "collector_payload_format_violation",
    "adapter_failures",
    "tracker_protocol_violations",
    "schema_violations",
    "enrichment_failures",
    "generic_error",
]

ARTIFACT = "snowmelt"
VERSION = installed_version(ARTIFACT)
V_ETL = f"{ARTIFACT}-{VERSION}"
"""What ``v_etl`` says of every event."""

_VERSIONS: dict[str, str] = {
    "size_violation": "1-0-0",
    "collector_payload_format_violation": "1-0-0",
    "adapter_failures": "1-0-0",
    "tracker_protocol_violations": "1-0-1",
    "schema_violations": "2-0-1",
    "enrichment_failures": "2-0-1",
    "generic_error": "1-0-0",
}
assert set(_VERSIONS) == set(get_args(Category))


class FailedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event, or one whole request, that failed.

    Args:
        category: the kind of failure; names the row's schema.
        messages: everything that is wrong.
        payload: the request (and the columns known so far); as base64 text if it could not be read at all; of one that
            was too large only its beginning.
        timestamp: of the failure, milliseconds since the epoch.
        app_id: of the event, when known; so are the next three.
        event_id: in lower case.
        event_type: the ``event`` column.
        event_name: of the schema.
        whole: whether it stands for a whole request, not for one event of it.
    """

    category: Category
    messages: list[dict[str, Any]]
    payload: dict[str, Any] | str
    timestamp: int
    app_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    event_name: str | None = None
    whole: bool = True

    @property
    def schema(self) -> str:
        """URI of the row's schema."""
        version = _VERSIONS[self.category]
        return f"iglu:com.snowplowanalytics.snowplow.badrows/{self.category}/jsonschema/{version}"

    @property
    def reason(self) -> str:
        """Everything that is wrong, in one line."""
        line = "; ".join(_sentence(message) for message in self.messages)
        return " ".join(line.split())

    def row(self) -> dict[str, Any]:
        """The failed event as a self-describing JSON, of plain JSON types that any encoder takes."""
        row: dict[str, Any] = msgspec.json.decode(self.line())
        return row

    def line(self) -> bytes:
        """The same as one line of JSON, numbers as the tracker wrote them."""
        failure: dict[str, Any] = {"timestamp": format_iso(self.timestamp)}
        if self.category == "size_violation":
            failure |= self.messages[0]
        elif self.category == "generic_error":
            failure["errors"] = [message["error"] for message in self.messages]
        elif self.category == "collector_payload_format_violation":
            failure |= {"loader": "thrift", "message": self.messages[0]}
        else:
            if isinstance(self.payload, dict) and "vendor" in self.payload:
                failure |= {"vendor": self.payload["vendor"], "version": self.payload["version"]}
            failure["messages"] = self.messages
        data = {
            "processor": {"artifact": ARTIFACT, "version": VERSION},
            "failure": failure,
            "payload": self.payload,
        }
        return dump_json({"schema": self.schema, "data": data})


def size_violation(violation: SizeViolation, now_ms: int) -> FailedEvent:
    """The failed event that stands for what was too large to be recorded; it cannot be sent again."""
    message = {
        "maximumAllowedSizeBytes": violation.maximum,
        "actualSizeBytes": violation.actual,
        "expectation": violation.expectation,
    }
    return FailedEvent(category="size_violation", messages=[message], payload=violation.beginning, timestamp=now_ms)


def unread_payload(payload: CollectorPayload) -> str:
    """A request that could not be read, as base64 of its JSON; never fails."""
    try:
        record = msgspec.json.encode(payload)
    except Exception:
        # Only a payload made by hand can hold what JSON cannot, such as half a surrogate pair.
        record = repr(payload).encode("utf-8", "backslashreplace")
    return b64encode(record).decode()


def collector_payload(payload: CollectorPayload, vendor: str, version: str) -> dict[str, Any]:
    """A request as rows of whole requests hold it."""
    return {
        "vendor": vendor,
        "version": version,
        "querystring": _named(parse_pairs(payload.querystring)),
        "body": None if payload.body is None else payload.body.decode("utf-8", "replace"),
        "collector": payload.collector,
        "networkUserId": payload.network_userid,
        **_request(payload),
    }


def event_payload(event: Event, raw: RawEvent) -> dict[str, Any]:
    """An event as rows of single events hold it: the columns known so far, and its parameters as sent."""
    payload = raw.payload
    return {
        "enriched": {
            field.name: _column(field.name, field.type, event[field.name]) if field.name in event else None
            for field in FIELDS
        },
        "raw": {
            "vendor": raw.vendor,
            "version": raw.version,
            "parameters": _named(raw.parameters.items()),
            "loaderName": payload.collector,
            "userId": payload.network_userid,
            **_request(payload),
        },
    }


def _request(payload: CollectorPayload) -> dict[str, Any]:
    in_range = MIN_MS <= payload.timestamp <= MAX_MS
    return {
        "contentType": payload.content_type,
        "encoding": payload.encoding,
        "hostname": payload.hostname,
        "timestamp": format_iso(payload.timestamp) if in_range else None,
        "ipAddress": payload.ip_address,
        "useragent": payload.user_agent,
        "refererUri": payload.referer,
        "headers": payload.headers,
    }


def _named(pairs: Any) -> list[dict[str, str | None]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _column(name: str, kind: str, value: Any) -> Any:
    if kind == "timestamp":
        return format_plain(value)
    if kind == "flag":
        return int(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if kind == "json":
        wrapper = UNSTRUCT_EVENT_WRAPPER if name == "unstruct_event" else CONTEXTS_WRAPPER
        return dump_json({"schema": wrapper, "data": value}).decode()
    return value


def _sentence(message: dict[str, Any]) -> str:
    """What one message says; the shapes are those of failed events."""
    if "actualSizeBytes" in message:
        return "{expectation}: {actualSizeBytes} bytes, allowed are {maximumAllowedSizeBytes}".format_map(message)
    inner = message.get("message")
    if isinstance(inner, dict):
        return _sentence(inner)
    if "expectation" in message:
        return f"{message.get('field') or message.get('payloadField')}: expected {message['expectation']}"
    error = message.get("error")
    if "schemaCriterion" in message:
        return f"{message['schemaKey']} is not {message['schemaCriterion']}"
    if isinstance(error, dict):
        reports = error.get("dataReports")
        if reports:
            found = ", ".join(f"{report['path']}: {report['message']}" for report in reports)
            return f"not valid against {message['schemaKey']}: {found}"
        return f"{error.get('error')} of {message['schemaKey']}"
    if "json" in message:
        return f"not a self-describing JSON: {error}"
    return f"{message['field']}: {error}" if "field" in message else str(error)
