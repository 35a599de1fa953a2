"""JSON read strictly within a depth, and written compactly with numbers as they were read."""

import re
from typing import Any, ClassVar

import msgspec

from snowmelt.events.errors import EventError
from snowmelt.events.numbers import NumberText, read_float

MAX_DEPTH = 50
"""Deepest nesting of objects and arrays accepted from a tracker."""

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_decode = msgspec.json.Decoder(float_hook=read_float).decode


class NotJsonError(EventError):
    """A text is not JSON, holds a number no double can hold, or is nested too deeply."""

    code: ClassVar[str] = "not_json"


def parse_json(text: str | bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text.

    Half a surrogate pair, which browsers produce when they cut a text inside an emoji, is read as U+FFFD,
    and so are bytes that are not UTF-8. Of duplicate keys the last wins.

    Args:
        text: the whole document.
        max_depth: most objects and arrays one inside the other.

    Cost: about 3 ns a byte; the depth is only looked at if there are more brackets than ``max_depth``.

    >>> parse_json('{"a": [1, 2.0]}')
    {'a': [1, 2.0]}

    Raises:
        NotJsonError: says why.
    """
    try:
        value = _decode(text)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        text = _repaired(text, error)
        try:
            value = _decode(text)
        except RecursionError:
            raise _too_deep(max_depth) from None
        except (msgspec.DecodeError, UnicodeError) as second:
            raise NotJsonError(str(second)) from None
    if isinstance(text, str):
        brackets = text.count("{") + text.count("[")
    else:
        brackets = text.count(b"{") + text.count(b"[")
    if brackets > max_depth and _deeper(value, max_depth):
        raise _too_deep(max_depth)
    return value


def _too_deep(max_depth: int) -> NotJsonError:
    return NotJsonError(f"JSON is nested more than {max_depth} levels deep")


def _repaired(text: str | bytes, error: Exception) -> str:
    """The text without invalid UTF-8 and lone surrogates, or the error that reading it gave."""
    if isinstance(text, bytes):
        decoded = text.decode("utf-8", "replace")
    else:
        decoded = text.encode("utf-8", "replace").decode("utf-8")
    repaired = _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], decoded)
    if isinstance(error, UnicodeError) or repaired != text:
        return repaired
    raise NotJsonError(str(error)) from None


def _deeper(value: Any, left: int) -> bool:
    if type(value) is dict:
        return left == 0 or any(_deeper(item, left - 1) for item in value.values() if type(item) in _NESTING)
    if type(value) is list:
        return left == 0 or any(_deeper(item, left - 1) for item in value if type(item) in _NESTING)
    return False


_NESTING = (dict, list)


def _written(value: Any) -> msgspec.Raw:
    if isinstance(value, NumberText):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"a {type(value).__name__} cannot be part of an event")


_encode = msgspec.json.Encoder(enc_hook=_written, decimal_format="number").encode


def dump_json(value: Any) -> bytes:
    """Compact UTF-8 JSON; non-ASCII text unescaped, decimals and numbers with the digits they came with.

    >>> dump_json(parse_json('{"price": 39.90, "name": "\\u00d8rsta"}')).decode()
    '{"price":39.90,"name":"Ørsta"}'
    """
    return _encode(value)
