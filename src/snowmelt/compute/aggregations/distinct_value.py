"""Scalars as the keys of a map: which of them are the same value, and in what order they stand.

Numbers that are equal are one value (``1`` and ``1.0``); a text, a number and a boolean never are. Integers
beyond 64 bits become doubles, as everywhere in a stored state. Text comes before numbers before booleans,
each compared character by character.
"""

from typing import Any

import msgspec

from snowmelt.compute.calculated import text_of

_INT64 = 2**63
_json = msgspec.json.Decoder().decode


def key_of(value: Any) -> str:
    """The key of a scalar: a text after a quote, a number or boolean as JSON.

    >>> key_of("a"), key_of(1.0), key_of(1), key_of(True), key_of("1"), key_of(0.5)
    ('"a', '1', '1', 'true', '"1', '0.5')
    """
    kind = value.__class__
    if kind is str:
        return '"' + str(value)
    if kind is float and value.is_integer() and -_INT64 <= value < _INT64:
        return str(int(value))
    if kind is int and not -_INT64 <= value < _INT64:
        try:
            return key_of(float(value))
        except OverflowError:
            return str(value)
    return str(text_of(value))


def value_of(key: str) -> Any:
    """The scalar that a key stands for.

    >>> value_of('"a'), value_of("1"), value_of("true")
    ('a', 1, True)
    """
    return key[1:] if key[0] == '"' else _json(key)


def text_of_key(key: str) -> str:
    """The text form of the scalar that a key stands for.

    >>> text_of_key('"a'), text_of_key("0.5"), text_of_key("true")
    ('a', '0.5', 'true')
    """
    return key[1:] if key[0] == '"' else key
