"""Converters: the text of a tracker parameter -> the value of a column, ``None`` for no value.

Each takes the decoded text and raises ``ConversionError`` with the rule that it breaks; the text itself is
not repeated, for it may be personal.
"""

import re
from decimal import Decimal
from functools import lru_cache

from snowmelt.enrichment.client_address import first_address
from snowmelt.events.numbers import read_decimal
from snowmelt.events.timestamp import MAX_MS, MIN_MS

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?\d{1,400}")
_DIMENSION = re.compile(r"([0-9]{1,400})x([0-9]{1,400})")
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_INT32 = 2**31

PLATFORMS = frozenset({"web", "mob", "pc", "srv", "app", "tv", "cnsl", "iot", "headset"})
EVENT_TYPES = {
    "pv": "page_view",
    "pp": "page_ping",
    "se": "struct",
    "ev": "struct",
    "ue": "unstruct",
    "tr": "transaction",
    "ti": "transaction_item",
    "ad": "ad_impression",
}


class ConversionError(ValueError):
    """A parameter's text breaks the rule of its column."""


def to_text(value: str) -> str | None:
    """Tabs widened to four spaces, other ASCII control characters removed, nothing else changed.

    >>> to_text(" a\\tb\\n")
    ' a    b'
    """
    # Printable text, nearly every text there is, needs no look at its characters.
    if not value.isprintable():
        value = _SURROGATE.sub("\ufffd", _CONTROL.sub("", value.replace("\t", "    ")))
    return value or None


def to_integer(value: str) -> int | None:
    """A 32-bit signed whole number; ``null`` in any case is no value.

    >>> to_integer("-042"), to_integer("NULL")
    (-42, None)
    """
    if _INTEGER.fullmatch(value) is None:
        if value.lower() == "null":
            return None
        raise ConversionError("must be a whole number")
    number = int(value)
    if not -_INT32 <= number < _INT32:
        raise ConversionError("must be a whole number of 32 bits")
    return number


def to_decimal(value: str) -> Decimal | None:
    """A decimal number with all its digits; ``null`` in any case is no value.

    >>> to_decimal("4.321768E3")
    Decimal('4321.768')
    """
    if value.lower() == "null":
        return None
    try:
        return read_decimal(value)
    except ValueError as error:
        raise ConversionError(f"must be a decimal number: {error}") from None


def to_flag(value: str) -> bool:
    """Exactly ``0`` or ``1``."""
    if value == "1":
        return True
    if value == "0":
        return False
    raise ConversionError("must be 0 or 1")


def to_dimension(value: str) -> tuple[int, int]:
    """Width and height, both 32-bit.

    >>> to_dimension("1920x1080")
    (1920, 1080)
    """
    return _dimension(value) if len(value) <= 32 else _dimension_uncached(value)


def _dimension_uncached(value: str) -> tuple[int, int]:
    match = _DIMENSION.fullmatch(value)
    if match is None:
        raise ConversionError("must be <width>x<height>, in ASCII digits")
    width, height = int(match[1]), int(match[2])
    if width >= _INT32 or height >= _INT32:
        raise ConversionError("must be two whole numbers of 32 bits")
    return width, height


_dimension = lru_cache(maxsize=2048)(_dimension_uncached)


def to_timestamp(value: str) -> int:
    """Milliseconds since the epoch, between the years 0 and 9999.

    >>> to_timestamp("1378293015207")
    1378293015207
    """
    if _INTEGER.fullmatch(value) is None:
        raise ConversionError("must be whole milliseconds since 1970")
    ms = int(value)
    if not MIN_MS <= ms <= MAX_MS:
        raise ConversionError("must be milliseconds since 1970 that fall between the years 0 and 9999")
    return ms


def to_uuid(value: str) -> str:
    """A UUID of any version, in lower case."""
    if _UUID.fullmatch(value) is None:
        raise ConversionError("must be a UUID like 7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01")
    return value.lower()


def to_platform(value: str) -> str:
    """One of the platform codes."""
    if value not in PLATFORMS:
        raise ConversionError("must be one of " + " ".join(sorted(PLATFORMS)))
    return value


def to_event_type(value: str) -> str:
    """The event's name for the letters in ``e``."""
    try:
        return EVENT_TYPES[value]
    except KeyError:
        raise ConversionError("must be one of " + " ".join(sorted(EVENT_TYPES))) from None


def to_address(value: str) -> str | None:
    """The first address of a list."""
    return to_text(first_address(value))
