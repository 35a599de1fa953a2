"""The JSON form of an event: one flat object, as loaders, ``jq`` users and the compute engine read it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from snowmelt.events.canonical import Event
from snowmelt.events.columns import entity_column_of, event_column_of
from snowmelt.events.errors import LineError
from snowmelt.events.fields import FIELDS, FieldType, columns_of
from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.numbers import NumberText, read_decimal
from snowmelt.events.timestamp import format_iso, parse_timestamp

_TIMESTAMPS = columns_of("timestamp")
_MAX_DEPTH = 100
_RENAMED = {"refr_device_tstamp": "refr_dvce_tstamp"}


def to_form(event: Event) -> dict[str, Any]:
    """The JSON form of a canonical event, before it becomes bytes.

    Atomic columns keep their names, with timestamps as text and decimals as ``Decimal``. The event's own
    data stand under ``unstruct_event_<vendor>_<name>_<major>``, entities as a list under
    ``contexts_<vendor>_<name>_<major>``, in the order attached, those added by enrichment last.

    >>> to_form({"app_id": "shop", "derived_tstamp": 1741082405158})
    {'app_id': 'shop', 'derived_tstamp': '2025-03-04T10:00:05.158Z'}
    """
    form = event.copy()
    for name in _TIMESTAMPS:
        if name in form:
            form[name] = format_iso(form[name])
    if "unstruct_event" in form:
        described = form.pop("unstruct_event")
        if described["data"] is not None:  # null and absent are the same, and readers see no null
            form[event_column_of(described["schema"])] = described["data"]
    for column in ("contexts", "derived_contexts"):
        if column in form:
            for described in form.pop(column):
                key = entity_column_of(described["schema"])
                if key in form:
                    form[key].append(described["data"])
                else:
                    form[key] = [described["data"]]
    if "geo_latitude" in form and "geo_longitude" in form:
        form["geo_location"] = f"{form['geo_latitude']},{form['geo_longitude']}"
    return form


def encode(event: Event) -> bytes:
    """One compact line of JSON, without a line end, from a canonical event; absent columns are left out.

    >>> encode({"app_id": "shop", "se_value": Decimal("42.50")})
    b'{"app_id":"shop","se_value":42.50}'
    """
    return dump_json(to_form(event))


def encode_form(form: dict[str, Any]) -> bytes:
    """The line of a JSON form, such as ``decode`` returns."""
    return dump_json(form)


def decode(line: bytes | str) -> dict[str, Any]:
    """The JSON form in a line that this or another tool wrote.

    Accepted beyond what ``encode`` writes: nulls (dropped), flags as 0 and 1, decimals as text, timestamps
    with a space or an offset, the column name ``refr_device_tstamp``. Unknown keys are kept. The schemas'
    full versions are not in this form, so it cannot become a canonical event again.

    >>> decode('{"app_id": "shop", "br_cookies": 1, "user_id": null}')
    {'app_id': 'shop', 'br_cookies': True}

    Raises:
        LineError: the line is no JSON object, or a column holds what it cannot hold.
    """
    try:
        document = parse_json(line, _MAX_DEPTH)
    except NotJsonError as error:
        raise LineError(f"the line is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise LineError("the line must be one JSON object")
    form: dict[str, Any] = {}
    columns: dict[str, Any] = document
    for key, value in columns.items():
        if value is None:
            continue
        name = _RENAMED.get(key, key)
        read = _READERS.get(name)
        if read is not None:
            try:
                form[name] = read(value)
            except ValueError as error:
                raise LineError(str(error), key) from None
        elif name.startswith("contexts_") and not isinstance(value, list):
            raise LineError("must be an array of objects", key)
        else:
            form[name] = value
    return form


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_shown(value)}")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"must be a whole number, not {_shown(value)}")
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, NumberText):
        return read_decimal(value.text)
    if isinstance(value, str):
        return read_decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {_shown(value)}")
    return read_decimal(repr(value))


def _float(value: Any) -> float:
    return float(_decimal(value))


def _flag(value: Any) -> bool:
    if value in (0, 1, "0", "1"):
        return bool(int(value))
    raise ValueError(f"must be true or false, not {_shown(value)}")


def _timestamp(value: Any) -> str:
    return format_iso(parse_timestamp(_text(value)))


def _raw_column(value: Any) -> Any:
    raise ValueError(
        "has no place in the JSON form; write data under unstruct_event_<vendor>_<name>_<major> "
        "and contexts_<vendor>_<name>_<major>"
    )


def _shown(value: Any) -> str:
    return repr(value)[:60]


_READER_OF_TYPE: dict[FieldType, Callable[[Any], Any]] = {
    "string": _text,
    "uuid": _text,
    "timestamp": _timestamp,
    "integer": _integer,
    "decimal": _decimal,
    "float": _float,
    "flag": _flag,
    "json": _raw_column,
}
_READERS = {field.name: _READER_OF_TYPE[field.type] for field in FIELDS}
