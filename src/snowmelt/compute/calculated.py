"""Values that are made from others: parts of a date, and properties that combine properties."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite, prod
from typing import Any

import msgspec

from snowmelt.compute.instant import parse_instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DATE_PARTS: dict[str, Callable[[datetime], int | str]] = {
    "hour_of_day": lambda moment: moment.hour,
    "day_of_week": lambda moment: moment.isoweekday(),
    "month_of_year": lambda moment: moment.month,
    "active_day": lambda moment: moment.date().isoformat(),
    "active_week": lambda moment: (moment.date() - timedelta(days=moment.weekday())).isoformat(),
    "active_month": lambda moment: moment.date().replace(day=1).isoformat(),
}


def date_part(value: Any, part: str) -> int | str | None:
    """One part of a date-time in UTC: numbers for ``*_of_*``, the first day as text for ``active_*``.

    >>> date_part("2024-02-29T23:30:00-01:00", "active_day"), date_part("2024-03-01T00:30:00Z", "day_of_week")
    ('2024-03-01', 5)
    """
    instant = parse_instant(value)
    if instant is None:
        return None
    try:
        return _DATE_PARTS[part](_EPOCH + timedelta(milliseconds=instant))
    except OverflowError:
        return None


def date_parts(values: list[Any], part: str) -> list[int | str | None]:
    """:func:`date_part` of each value."""
    return [date_part(value, part) for value in values]


def text_of(value: Any) -> str | None:
    """The text form of a scalar: text as it is, numbers and booleans as JSON; ``None`` for anything else.

    >>> text_of("a"), text_of(1.0), text_of(True), text_of([1]), text_of(float("inf"))
    ('a', '1.0', 'true', None, None)
    """
    if value.__class__ is str:
        return str(value)
    if value.__class__ is float and not isfinite(value):
        return None
    if value.__class__ in (int, float, bool):
        return msgspec.json.encode(value).decode() if value.__class__ is not int else str(value)
    return None


def is_number(value: Any) -> bool:
    """Whether a decoded JSON value is a number; a boolean is not."""
    return value.__class__ is int or value.__class__ is float


def concat(separator: str, *parts: Any) -> str | None:
    """The parts that are there, as text, joined; ``None`` if there are none.

    >>> concat("-", "a", None, 1)
    'a-1'
    """
    texts = [text for text in map(text_of, parts) if text is not None]
    return separator.join(texts) if texts else None


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    def combined(*parts: Any) -> Any:
        if not all(map(is_number, parts)):
            return None
        try:
            number = function(parts)
        except OverflowError:
            return None
        # No double is large enough for it: that is no value, as elsewhere.
        return number if number.__class__ is int or isfinite(number) else None

    return combined


def coalesce(*parts: Any) -> Any:
    """The first part that is there.

    >>> coalesce(None, 0, 1)
    0
    """
    return next((part for part in parts if part is not None), None)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "sum": _of_numbers(sum),
    "product": _of_numbers(prod),
    "min": _of_numbers(min),
    "max": _of_numbers(max),
    "coalesce": coalesce,
}
"""The operations of a calculated property apart from ``concat``; the numeric ones need every part."""
