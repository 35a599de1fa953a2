"""From a line of a file to what the event log holds of it."""

import uuid
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

from snowmelt.enrichment.failed import V_ETL
from snowmelt.events import json as event_json
from snowmelt.events import tsv
from snowmelt.events.errors import EventError, LineError
from snowmelt.events.json_text import parse_json
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.unreadable import UnreadableLine, encode_unreadable
from snowmelt.stores.event_log import Kind, encode_payload

Format: TypeAlias = Literal["enriched-tsv", "enriched-json", "payload"]
FORMATS: tuple[Format, ...] = get_args(Format)

Entry: TypeAlias = tuple[Kind, int, bytes]
LINES_PER_RECORD = 500

TRACKER_PATH = "/com.snowplowanalytics.snowplow/tp2"
_PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/"


class LineFormat(NamedTuple):
    """How lines of a format become records.

    Args:
        convert: one line to what its record holds; raises EventError or UnicodeDecodeError with the reason.
        records: converted lines and the present (ms since the epoch) to records of the event log.
    """

    convert: Callable[[bytes], bytes]
    records: Callable[[list[bytes], int], Iterable[Entry]]


def _from_tsv(line: bytes) -> bytes:
    return event_json.encode(tsv.decode(line.decode()))


def _from_json(line: bytes) -> bytes:
    # Read and written again: other tools write flags and timestamps otherwise than the engine reads them.
    return event_json.encode_form(event_json.decode(line))


def _from_payload(line: bytes) -> bytes:
    body = parse_json(line)
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise LineError('the line must be a JSON object {"schema": "iglu:...", "data": [...]}')
    if not str(body.get("schema")).startswith(_PAYLOAD_DATA):
        raise LineError(f"its schema must be a version of {_PAYLOAD_DATA}jsonschema, not {body.get('schema')!r}")
    return line


def _as_events(lines: list[bytes], now: int) -> Iterable[Entry]:
    for start in range(0, len(lines), LINES_PER_RECORD):
        yield Kind.EVENTS, now, b"\n".join(lines[start : start + LINES_PER_RECORD])


def _as_payloads(lines: list[bytes], now: int) -> Iterable[Entry]:
    for body in lines:
        payload = CollectorPayload(
            timestamp=now,
            path=TRACKER_PATH,
            body=body,
            content_type="application/json; charset=utf-8",
            network_userid=str(uuid.uuid4()),  # as for any tracker that keeps no cookie
            collector=V_ETL,
        )
        yield Kind.PAYLOAD, now, encode_payload(payload)


LINE_FORMATS: dict[Format, LineFormat] = {
    "enriched-tsv": LineFormat(_from_tsv, _as_events),
    "enriched-json": LineFormat(_from_json, _as_events),
    "payload": LineFormat(_from_payload, _as_payloads),
}


def recognised(line: bytes) -> Format | None:
    """The format that a line is most likely of, or ``None`` if it looks like none.

    >>> recognised(b'{"app_id": "shop"}'), recognised(b"shop\\tweb"), recognised(b"shop")
    ('enriched-json', 'enriched-tsv', None)
    """
    if line.lstrip()[:1] == b"{":
        try:
            _from_payload(line)
        except UNREADABLE:
            return "enriched-json"
        return "payload"
    return "enriched-tsv" if b"\t" in line else None


def as_unreadable(lines: list[UnreadableLine], now: int) -> Iterable[Entry]:
    """Lines that ``convert`` did not take, as records: the engine makes failed events of them."""
    for start in range(0, len(lines), LINES_PER_RECORD):
        yield Kind.UNREADABLE, now, encode_unreadable(lines[start : start + LINES_PER_RECORD])


UNREADABLE = (EventError, UnicodeDecodeError, msgspec.DecodeError, ValueError)
"""What ``convert`` may raise for a line that is not of its format."""
