"""The TSV form of an event: 131 columns separated by tabs, as enriched streams and archives carry it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from snowmelt.events.canonical import CONTEXTS_WRAPPER, UNSTRUCT_EVENT_WRAPPER, Event, is_self_describing
from snowmelt.events.errors import LineError, SchemaUriError
from snowmelt.events.fields import FIELDS, AtomicField
from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.numbers import decimal_text, float_text, read_decimal
from snowmelt.events.schema_key import SchemaKey
from snowmelt.events.timestamp import format_plain, parse_timestamp

_MAX_DEPTH = 100


def encode(event: Event) -> str:
    """The line of a canonical event, without a line end; what is absent becomes empty text.

    >>> encode({"app_id": "shop", "collector_tstamp": 1741082405158}).rstrip()
    'shop\\t\\t\\t2025-03-04 10:00:05.158'

    Raises:
        LineError: a text holds a tab or a line break, or a value is not of its column's type.
    """
    get = event.get
    cells: list[str] = []
    for field, write, _ in _CODECS:
        value = get(field.name)
        if value is None:
            cells.append("")
            continue
        try:
            cells.append(write(value))
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise LineError(str(error), field.name) from None
    return "\t".join(cells)


def decode(line: str) -> Event:
    """The canonical event in a line, with or without its line end.

    Raises:
        LineError: not exactly 131 columns, or a column's text is not of its type; names the column.
    """
    cells = line.removesuffix("\n").removesuffix("\r").split("\t")
    if len(cells) != len(FIELDS):
        raise LineError(f"an enriched event has {len(FIELDS)} tab-separated columns, this line has {len(cells)}")
    event: Event = {}
    for cell, (field, _, read) in zip(cells, _CODECS, strict=True):
        if cell:
            try:
                event[field.name] = read(cell)
            except (ValueError, NotJsonError, SchemaUriError) as error:
                raise LineError(str(error), field.name) from None
    return event


def _write_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text, not {value!r}")
    if "\t" in value or "\n" in value or "\r" in value:
        raise ValueError("holds a tab or a line break, which a TSV line cannot carry")
    return value


def _write_flag(value: Any) -> str:
    return "1" if value else "0"


def _read_flag(cell: str) -> bool:
    if cell not in ("0", "1"):
        raise ValueError(f"{cell[:40]!r} is not 0 or 1")
    return cell == "1"


def _read_integer(cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise ValueError(f"{cell[:40]!r} is not a whole number") from None


def _write_decimal(value: Decimal) -> str:
    return decimal_text(value)


def _read_decimal(cell: str) -> Decimal:
    try:
        return read_decimal(cell)
    except ValueError as error:
        raise ValueError(f"{cell[:40]!r}: {error}") from None


def _read_float(cell: str) -> float:
    return float(_read_decimal(cell))


def _write_unstruct_event(value: Any) -> str:
    return dump_json({"schema": UNSTRUCT_EVENT_WRAPPER, "data": value}).decode()


def _write_entities(value: Any) -> str:
    return dump_json({"schema": CONTEXTS_WRAPPER, "data": value}).decode() if value else ""


def _unwrapped(cell: str) -> Any:
    wrapper = parse_json(cell, _MAX_DEPTH)
    if not is_self_describing(wrapper):
        raise ValueError("must be an object with schema and data")
    return wrapper["data"]


def _checked(value: Any) -> Any:
    if not is_self_describing(value):
        raise ValueError("must hold objects with schema and data")
    SchemaKey.parse(value["schema"])
    return value


def _read_unstruct_event(cell: str) -> Any:
    return _checked(_unwrapped(cell))


def _read_entities(cell: str) -> list[Any]:
    items = _unwrapped(cell)
    if not isinstance(items, list):
        raise ValueError("must hold a list of objects with schema and data")
    return [_checked(item) for item in items]


_Codec = tuple[AtomicField, Callable[[Any], str], Callable[[str], Any]]
_OF_TYPE: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "string": (_write_text, str),
    "uuid": (_write_text, str),
    "timestamp": (format_plain, parse_timestamp),
    "integer": (str, _read_integer),
    "decimal": (_write_decimal, _read_decimal),
    "float": (float_text, _read_float),
    "flag": (_write_flag, _read_flag),
    "unstruct_event": (_write_unstruct_event, _read_unstruct_event),
    "contexts": (_write_entities, _read_entities),
    "derived_contexts": (_write_entities, _read_entities),
}
_CODECS: tuple[_Codec, ...] = tuple(
    (field, *_OF_TYPE[field.name if field.type == "json" else field.type]) for field in FIELDS
)
