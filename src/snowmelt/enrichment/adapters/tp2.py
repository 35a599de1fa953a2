"""Tracker protocol 2: events as query parameters, or many at once in a JSON body."""

from typing import Any, ClassVar

import msgspec

from snowmelt.enrichment.adapters.adapter import (
    AdapterCategory,
    AdapterFailure,
    body_text,
    expected,
    is_json_type,
    shown,
)
from snowmelt.enrichment.parameters import Parameters
from snowmelt.enrichment.payload_data import (
    CRITERION,
    KEYS_BY_URI,
    NEWEST_KEYS,
    envelope_reports,
    is_valid_item,
)
from snowmelt.enrichment.validation import SchemaValidator, validation_error
from snowmelt.events.canonical import is_self_describing
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.json_text import NotJsonError, parse_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey


class _Envelope(msgspec.Struct, gc=False):
    schema: str
    data: list[dict[str, str]]


_decode = msgspec.json.Decoder(_Envelope).decode


class TrackerProtocol2:
    """Reads requests of ``/com.snowplowanalytics.snowplow/tp2``.

    Args:
        validator: judges a body that is self-describing but not of tracker events, to tell what is wrong.
    """

    category: ClassVar[AdapterCategory] = "tracker_protocol_violations"

    def __init__(self, validator: SchemaValidator) -> None:
        self._validator = validator

    def split(self, payload: CollectorPayload, query: dict[str, str | None]) -> list[Parameters]:
        """One event per item of the body with the query laid over it, or one event from the query alone."""
        content_type, body = payload.content_type, payload.body
        if body is None and content_type is None:
            if not query:
                raise AdapterFailure(
                    expected("body", None, "a body, or else a query string with parameters"),
                    expected("querystring", payload.querystring or None, "parameters, or else a body"),
                )
            return [query]
        if content_type is not None and not is_json_type(content_type):
            wanted = "application/json, or application/json; charset=utf-8"
            raise AdapterFailure(expected("contentType", content_type, wanted))
        if content_type is None:
            raise AdapterFailure(expected("contentType", None, "application/json with a body"))
        if body is None:
            raise AdapterFailure(expected("body", None, "a body with a content type"))
        items = self._items(payload, body)
        if query:
            # A parameter without a value has nothing to put in the place of the body's.
            valued = {name: value for name, value in query.items() if value is not None}
            return [item | valued for item in items]
        return list(items)

    def _items(self, payload: CollectorPayload, body: bytes) -> list[dict[str, str]]:
        try:
            envelope = _decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        else:
            keys = KEYS_BY_URI.get(envelope.schema)
            if keys is not None and envelope.data and all(is_valid_item(item, keys) for item in envelope.data):
                return envelope.data
        return self._read_closely(payload)

    def _read_closely(self, payload: CollectorPayload) -> list[dict[str, str]]:
        """The same for a body that is not plainly right: mostly to say what is wrong with it."""
        text = body_text(payload)
        try:
            document = parse_json(text)
        except NotJsonError as error:
            raise AdapterFailure({"field": "body", "value": shown(text), "error": str(error)}) from None
        if not is_self_describing(document):
            raise AdapterFailure({"json": document, "error": "INVALID_DATA_PAYLOAD"})
        uri: str = document["schema"]
        data: Any = document["data"]
        try:
            key = SchemaKey.parse(uri)
        except SchemaUriError as error:
            raise AdapterFailure({"json": document, "error": error.word}) from None
        keys = KEYS_BY_URI.get(uri)
        if keys is None:
            verdict = self._validator.check(key, data)
            if verdict.error is not None:
                raise AdapterFailure({"schemaKey": uri, "error": verdict.error})
            if not uri.startswith(CRITERION.removesuffix("*")):
                raise AdapterFailure({"schemaKey": uri, "schemaCriterion": CRITERION})
        reports = envelope_reports(data, keys or NEWEST_KEYS)
        if reports:
            raise AdapterFailure({"schemaKey": uri, "error": validation_error(reports)})
        items: list[dict[str, str]] = data
        return items
