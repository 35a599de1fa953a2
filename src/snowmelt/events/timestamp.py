"""Instants as milliseconds since the epoch, and their two texts: of the TSV form and of the JSON form."""

import re
from datetime import date
from functools import lru_cache

MIN_MS = -62_167_219_200_000
"""0000-01-01 00:00:00.000 UTC, the earliest instant an event can hold."""
MAX_MS = 253_402_300_799_999
"""9999-12-31 23:59:59.999 UTC, the latest."""

_DAY_SECONDS = 86_400
_EPOCH_ORDINAL = 719_163
# Python's calendar begins in year 1. Four centuries are a whole number of days, so year 0 is year 400 moved.
_FOUR_CENTURIES = 146_097
_TEXT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?"
)


@lru_cache(maxsize=1024)
def _day(day: int) -> str:
    ordinal = day + _EPOCH_ORDINAL
    if ordinal < 1:
        moved = date.fromordinal(ordinal + _FOUR_CENTURIES)
        return f"{moved.year - 400:04d}-{moved.month:02d}-{moved.day:02d}"
    return date.fromordinal(ordinal).isoformat()


@lru_cache(maxsize=8192)
def _second(second: int, separator: str) -> str:
    day, rest = divmod(second, _DAY_SECONDS)
    minute, sec = divmod(rest, 60)
    return f"{_day(day)}{separator}{minute // 60:02d}:{minute % 60:02d}:{sec:02d}"


def format_iso(ms: int) -> str:
    """The instant as the JSON form writes it: to the millisecond, a zero fraction dropped.

    >>> format_iso(1741082405158), format_iso(0)
    ('2025-03-04T10:00:05.158Z', '1970-01-01T00:00:00Z')
    """
    second, fraction = divmod(ms, 1000)
    if fraction:
        return f"{_second(second, 'T')}.{fraction:03d}Z"
    return f"{_second(second, 'T')}Z"


def format_plain(ms: int) -> str:
    """The instant as the TSV form writes it, in UTC without saying so.

    >>> format_plain(1741082405158)
    '2025-03-04 10:00:05.158'
    """
    second, fraction = divmod(ms, 1000)
    return f"{_second(second, ' ')}.{fraction:03d}"


def parse_timestamp(text: str) -> int:
    """Milliseconds since the epoch of either text; digits below a millisecond are cut, an offset is honoured.

    >>> parse_timestamp("2025-03-04 10:00:05.158")
    1741082405158
    >>> parse_timestamp("2025-03-04T11:00:05.158+01:00")
    1741082405158

    Raises:
        ValueError: the text is no instant between the years 0 and 9999.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a timestamp like 2025-03-04 10:00:05.158")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text[:40]!r} has no such time of day")
    days = date(year or 400, month, day).toordinal() - _EPOCH_ORDINAL - (0 if year else _FOUR_CENTURIES)
    seconds = days * _DAY_SECONDS + hour * 3600 + minute * 60 + second
    if match[8]:
        offset = int(match[9]) * 3600 + int(match[10]) * 60
        seconds += -offset if match[8] == "+" else offset
    ms = seconds * 1000 + int((match[7] or "0").ljust(3, "0")[:3])
    if not MIN_MS <= ms <= MAX_MS:
        raise ValueError(f"{text[:40]!r} is outside the years 0 to 9999")
    return ms
