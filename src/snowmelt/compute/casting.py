"""From a result to what is served: the declared type of an attribute, and its JSON form."""

import base64
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from snowmelt.compute.calculated import is_number, text_of
from snowmelt.compute.instant import format_instant, parse_instant

Cast = Callable[[Any], Any]


def _is_numeric(value: Any) -> bool:
    """Numbers of events, and the exact fractions that some sums are."""
    return is_number(value) or isinstance(value, Fraction)


def _integer(bits: int) -> Cast:
    bound = 1 << bits - 1
    least, greatest = -bound, bound - 1

    def cast(value: Any) -> int | None:
        if value.__class__ is int and least <= value <= greatest:
            return int(value)
        if not _is_numeric(value):
            return None
        if isinstance(value, float):
            if math.isnan(value):
                return None
            # Before truncation, because an infinity has no integer.
            value = max(float(least), min(float(greatest), value))
        whole = math.trunc(value)
        return int(max(least, min(greatest, whole)))

    return cast


def _double(value: Any) -> float | None:
    if not _is_numeric(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _instant(value: Any) -> int | None:
    """An instant is a date-time text, or already milliseconds where the engine made it one."""
    return value if value.__class__ is int else parse_instant(value)


def _timestamp(value: Any) -> str | None:
    instant = _instant(value)
    return None if instant is None else format_instant(instant)


def _unix_timestamp(value: Any) -> int | None:
    instant = _instant(value)
    return None if instant is None else instant // 1000


def _bytes(value: Any) -> str | None:
    text = text_of(value)
    return None if text is None else base64.b64encode(text.encode()).decode()


def _dict(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


SCALARS: dict[str, Cast] = {
    "int32": _integer(32),
    "int64": _integer(64),
    "float": _double,
    "double": _double,
    "bool": _boolean,
    "string": text_of,
    "bytes": _bytes,
    "timestamp": _timestamp,
    "unix_timestamp": _unix_timestamp,
    "dict": _dict,
}


def cast_to(type_name: str) -> Cast:
    """The function that gives a result its declared type, or ``None`` where it cannot have it.

    Integers are cut toward zero and stop at their bounds, text of a number is its JSON form, only booleans
    are ``bool``, instants are RFC 3339 or seconds, NaN and infinities are nothing; a list casts each item,
    drops those that cannot be cast, and of those that become equal keeps the last.

    >>> cast_to("int32")(-2.7), cast_to("int32")(1e99), cast_to("string")(True), cast_to("bool")(1)
    (-2, 2147483647, 'true', None)
    >>> cast_to("int64_list")([1, "x", 2.5])
    [1, 2]
    """
    if type_name.endswith("_list"):
        scalar = SCALARS[type_name.removesuffix("_list")]

        def cast(value: Any) -> list[Any] | None:
            if not isinstance(value, list):
                return None
            items = [item for item in map(scalar, value) if item is not None]
            # Values that the cast makes equal stay where the last of them is. Objects have no such order.
            return items if scalar is _dict else [*dict.fromkeys(reversed(items))][::-1]

        return cast
    return SCALARS[type_name]
