"""Numbers whose text matters: decimals, 32-bit floats, and JSON numbers written in an unusual way."""

import re
import struct
from decimal import Decimal, InvalidOperation
from math import isfinite

MAX_MAGNITUDE = 308
"""Powers of ten a decimal may reach in either direction: what every JSON reader's double can hold."""

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,9})?")


class NumberText(float):
    """A JSON number that must be written as it was read, such as ``1E3`` or ``39.90``.

    It counts, compares and hashes as the number. Only numbers whose text a plain ``float`` would not give
    back are kept so; every other one is a plain ``float``.
    """

    __slots__ = ("text",)

    text: str


def read_float(text: str) -> float:
    """The number a JSON text stands for, its text kept when it is not the shortest one.

    >>> read_float("39.9"), read_float("1E3").text
    (39.9, '1E3')

    Raises:
        ValueError: no finite double is near it.
    """
    value = float(text)
    # JSON encoders differ in how they write an exponent, so a number that has one is always kept.
    if repr(value) == text and "e" not in text:
        return value
    if not isfinite(value):
        raise ValueError("Number out of range")
    kept = NumberText(value)
    kept.text = text
    return kept


def plain_decimal(value: Decimal) -> Decimal:
    """The same number with no positive exponent and no negative zero; its other digits stay.

    >>> plain_decimal(Decimal("2.40E1")), plain_decimal(Decimal("1E7")), plain_decimal(Decimal("-0"))
    (Decimal('24.0'), Decimal('10000000'), Decimal('0'))
    """
    if value.is_zero():
        value = value.copy_abs()
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:
        return Decimal(int(value))
    return value


def read_decimal(text: str) -> Decimal:
    """The exact number of a decimal text, in its plain form (see ``plain_decimal``).

    >>> read_decimal("42.50"), read_decimal(".5"), read_decimal("7.")
    (Decimal('42.50'), Decimal('0.5'), Decimal('7'))

    Raises:
        ValueError: not a decimal number, or beyond ``MAX_MAGNITUDE``.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("not a decimal number")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a decimal number") from None
    exponent = value.as_tuple().exponent
    size = exponent if value.is_zero() else value.adjusted()
    if not isinstance(size, int) or abs(size) >= MAX_MAGNITUDE:
        raise ValueError(f"beyond 1E{MAX_MAGNITUDE} or nearer to zero than 1E-{MAX_MAGNITUDE}")
    return plain_decimal(value)


def decimal_text(value: Decimal) -> str:
    """The decimal as the TSV form writes it: plain down to 0.000001, with an exponent below.

    >>> decimal_text(Decimal("0.000001")), decimal_text(Decimal("0.0000001")), decimal_text(Decimal("1E7"))
    ('0.000001', '1E-7', '10000000')
    """
    return str(plain_decimal(value))


def float_text(value: float) -> str:
    """The shortest text of a 32-bit float with at least one decimal.

    >>> float_text(51.5142), float_text(10.0), float_text(0.0004)
    ('51.5142', '10.0', '4.0E-4')

    Raises:
        ValueError: not finite as a 32-bit float.
    """
    try:
        bits = struct.pack("<f", value)
    except OverflowError:
        bits = b""
    if not bits or not isfinite(value):
        raise ValueError(f"{value!r} is not a finite 32-bit float")
    single: float = struct.unpack("<f", bits)[0]
    if single == 0:
        return "-0.0" if str(single).startswith("-") else "0.0"
    digits = next(text for n in range(9) if _same_single(text := f"{single:.{n}e}", bits))
    mantissa, _, power = digits.partition("e")
    exponent = int(power)
    if -3 <= exponent < 7:
        plain = f"{Decimal(digits):f}"
        return plain if "." in plain else f"{plain}.0"
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{exponent}"


def _same_single(text: str, bits: bytes) -> bool:
    try:
        return struct.pack("<f", float(text)) == bits
    except OverflowError:
        return False
