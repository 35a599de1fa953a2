"""Redirects: a followed link is an event, or an entity of the event that the link describes."""

from typing import Any, ClassVar

from snowmelt.enrichment.adapters.adapter import AdapterCategory, AdapterFailure, expected, shown
from snowmelt.enrichment.base64_text import decode_base64, encode_base64
from snowmelt.enrichment.parameters import Parameters
from snowmelt.events.canonical import CONTEXTS_WRAPPER, UNSTRUCT_EVENT_WRAPPER, is_self_describing
from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.payload import CollectorPayload

URI_REDIRECT = "iglu:com.snowplowanalytics.snowplow/uri_redirect/jsonschema/1-0-0"


class Redirect:
    """Reads requests of ``/r/tp2``: ``u`` is where the link led, the rest describes the event."""

    category: ClassVar[AdapterCategory] = "tracker_protocol_violations"

    def split(self, payload: CollectorPayload, query: dict[str, str | None]) -> list[Parameters]:
        """One event, with the redirect as its first entity, or as itself if no ``e`` is given."""
        target = query.pop("u", None)
        if not target:
            raise AdapterFailure(expected("u", target, "the address to redirect to"))
        redirect = {"schema": URI_REDIRECT, "data": {"uri": target}}
        if query.get("e"):
            _attach(redirect, query)
        else:
            query["e"] = "ue"
            query.pop("ue_px", None)
            query["ue_pr"] = dump_json({"schema": UNSTRUCT_EVENT_WRAPPER, "data": redirect}).decode()
        query["tv"] = "r-tp2"
        query["p"] = query.get("p") or "web"
        return [query]


def _attach(redirect: dict[str, Any], query: dict[str, str | None]) -> None:
    plain, encoded = query.pop("co", None), query.pop("cx", None)
    if encoded:
        query["cx"] = encode_base64(_prepended(redirect, "cx", decode_base64(encoded)))
    elif plain:
        query["co"] = _prepended(redirect, "co", plain).decode()
    else:
        query["co"] = dump_json({"schema": CONTEXTS_WRAPPER, "data": [redirect]}).decode()


def _prepended(redirect: dict[str, Any], field: str, text: str) -> bytes:
    try:
        wrapper = parse_json(text)
    except NotJsonError as error:
        raise AdapterFailure({"field": field, "value": shown(text), "error": str(error)}) from None
    if not is_self_describing(wrapper) or not isinstance(wrapper["data"], list):
        raise AdapterFailure({"json": wrapper, "error": "INVALID_DATA_PAYLOAD"})
    return dump_json(wrapper | {"data": [redirect, *wrapper["data"]]})
