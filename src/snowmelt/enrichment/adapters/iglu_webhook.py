"""The Iglu webhook: self-describing events from anything that can call a URL."""

from typing import Any, ClassVar

from snowmelt.enrichment.adapters.adapter import (
    AdapterCategory,
    AdapterFailure,
    body_text,
    expected,
    is_json_type,
    shown,
)
from snowmelt.enrichment.parameters import Parameters
from snowmelt.enrichment.querystring import parse_query
from snowmelt.events.canonical import UNSTRUCT_EVENT_WRAPPER, is_self_describing
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey

_FORM = "application/x-www-form-urlencoded"
_TRACKER = "com.snowplowanalytics.iglu-v1"
_PASSED_THROUGH = ("nuid", "aid", "cv", "eid", "ttm", "url", "p")
_NOT_DATA = frozenset({"schema", "nuid", "aid", "cv", "p"})


class IgluWebhook:
    """Reads requests of ``/com.snowplowanalytics.iglu/v1``.

    The data is the query (GET), a JSON object, each item of a JSON array, or a form (POST), all of the schema
    in ``schema=``; or a JSON body that is self-describing.
    """

    category: ClassVar[AdapterCategory] = "adapter_failures"

    def split(self, payload: CollectorPayload, query: dict[str, str | None]) -> list[Parameters]:
        """One self-describing event, or one per item of an array."""
        schema = query.get("schema")
        if payload.body is None:
            if not schema:
                raise AdapterFailure(
                    expected("schema", schema, "a schema URI in the query string"),
                    expected("body", None, "a self-describing JSON, if there is no schema"),
                )
            data = _nulled({name: value for name, value in query.items() if name not in _NOT_DATA})
            return [_event(_checked(schema), data, query, "app")]
        content_type = payload.content_type or ""
        if is_json_type(content_type):
            return self._from_json(payload, schema, query)
        if schema and content_type.partition(";")[0].strip().lower() == _FORM:
            return [_event(_checked(schema), _nulled(parse_query(body_text(payload))), query, "srv")]
        wanted = "application/json" + (f" or {_FORM}" if schema else "; a form needs schema= in the query string")
        raise AdapterFailure(expected("contentType", payload.content_type, wanted))

    def _from_json(
        self, payload: CollectorPayload, schema: str | None, query: dict[str, str | None]
    ) -> list[Parameters]:
        text = body_text(payload)
        try:
            body = parse_json(text)
        except NotJsonError as error:
            raise AdapterFailure({"field": "body", "value": shown(text), "error": str(error)}) from None
        if not schema:
            if not is_self_describing(body):
                raise AdapterFailure({"json": body, "error": "INVALID_DATA_PAYLOAD"})
            try:
                SchemaKey.parse(body["schema"])
            except SchemaUriError as error:
                raise AdapterFailure({"json": body, "error": error.word}) from None
            return [_event(body["schema"], body["data"], query, "app")]
        items = body if isinstance(body, list) else [body]
        if not body or not isinstance(body, list | dict):
            message = expected("body", shown(text), "a JSON object or array with something in it")
            raise AdapterFailure(message)
        return [_event(_checked(schema), item, query, "app") for item in items]


def _checked(schema: str) -> str:
    try:
        SchemaKey.parse(schema)
    except SchemaUriError as error:
        raise AdapterFailure({"field": "schema", "value": shown(schema), "error": str(error)}) from None
    return schema


def _nulled(fields: dict[str, str | None]) -> dict[str, str | None]:
    return {name: value or None for name, value in fields.items()}


def _event(schema: str, data: Any, query: dict[str, str | None], platform: str) -> Parameters:
    event = {name: query[name] for name in _PASSED_THROUGH if query.get(name)}
    wrapper = {"schema": UNSTRUCT_EVENT_WRAPPER, "data": {"schema": schema, "data": data}}
    return {"p": platform, "tv": _TRACKER, "e": "ue", "ue_pr": dump_json(wrapper).decode()} | event
