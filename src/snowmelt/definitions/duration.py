"""Durations: ISO 8601 text on the wire, ``timedelta`` in Python."""

import re
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO = re.compile(
    rf"([+-])?P(?!\Z)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_DAY = 86_400_000_000
_MICROSECONDS = (365 * _DAY, 30 * _DAY, 7 * _DAY, _DAY, 3_600_000_000, 60_000_000, 1_000_000)
"""Length of a year, month, week, day, hour, minute and second. Years and months have the fixed lengths
that the public clients count with: they write 400 days as ``P1Y35D``."""


def parse_duration(text: str) -> timedelta:
    """The length of an ISO 8601 duration; a year counts 365 days, a month 30.

    Args:
        text: e.g. ``PT15M``, ``P1DT12H``, ``P1Y35D``, ``-PT0.5S``.

    Raises:
        ValueError: the text is no duration, or one longer than ``timedelta`` can hold.

    >>> parse_duration("P1Y35D") == timedelta(days=400)
    True
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not an ISO 8601 duration such as PT15M, P7D or P1DT12H")
    sign, *parts = match.groups()
    try:
        length = sum(
            (_scaled(part, unit) for part, unit in zip(parts, _MICROSECONDS, strict=True) if part is not None),
            start=timedelta(),
        )
    except OverflowError:
        raise ValueError(f"the duration `{text}` is too long; the longest is {timedelta.max.days} days") from None
    return -length if sign == "-" else length


def _scaled(number: str, unit: int) -> timedelta:
    whole, _, fraction = number.replace(",", ".").partition(".")
    microseconds = int(whole) * unit
    if fraction:
        microseconds += round(int(fraction) * unit / 10 ** len(fraction))
    return timedelta(microseconds=microseconds)


def format_duration(duration: timedelta) -> str:
    """ISO 8601 in days and smaller units only, so that no reader has to guess the length of a year.

    >>> format_duration(timedelta(days=400, seconds=90.5))
    'P400DT1M30.5S'
    >>> format_duration(timedelta(0))
    'PT0S'
    """
    sign = "-" if duration < timedelta(0) else ""
    duration = abs(duration)
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{duration.days}D" if duration.days else ""
    clock = f"{hours}H" * (hours > 0) + f"{minutes}M" * (minutes > 0)
    if seconds or duration.microseconds:
        fraction = f".{duration.microseconds:06}".rstrip("0") if duration.microseconds else ""
        clock += f"{seconds}{fraction}S"
    if not days and not clock:
        clock = "0S"
    return f"{sign}P{days}{'T' + clock if clock else ''}"


def _read(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a duration is ISO 8601 text such as PT15M, or a number of seconds")
    if isinstance(value, str) and value.lstrip("+-")[:1].upper() == "P":
        return parse_duration(value)
    return value


Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
"""A length of time. Reads ISO 8601, plain numbers (seconds) and ``timedelta``; writes ISO 8601."""
