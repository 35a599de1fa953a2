"""Query strings and form bodies: which are legal, and what parameters they hold."""

import re
from functools import lru_cache
from urllib.parse import unquote_plus

Pairs = tuple[tuple[str, str | None], ...]

_LEGAL = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]\u0080-\U0010ffff]++|%[0-9A-Fa-f]{2})*+")
_SEPARATOR = re.compile("[&;]")
_CACHED_LENGTH = 2048


def is_legal_query(text: str) -> bool:
    """Whether a raw query string can stand in a URI; a fragment after it does not matter.

    >>> is_legal_query("e=pv&page=a%20b"), is_legal_query("a={x}"), is_legal_query("a=%")
    (True, False, False)
    """
    return _LEGAL.fullmatch(text.partition("#")[0]) is not None


def parse_pairs(text: str) -> Pairs:
    """Names and values in order, decoded; a part without ``=`` has the value ``None``.

    Parts are separated by ``&`` or ``;``, a fragment is ignored, and so is a part without a name.
    Escapes are read as UTF-8, what is not UTF-8 as U+FFFD.

    >>> parse_pairs("e=pv&page=a+b;x&c=")
    (('e', 'pv'), ('page', 'a b'), ('x', None), ('c', ''))
    """
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)


def parse_query(text: str) -> dict[str, str | None]:
    """The same as a dict of your own: of a repeated name the last value wins.

    >>> parse_query("a=1&a=2")
    {'a': '2'}
    """
    return dict(parse_pairs(text)) if text else {}


def _parse(text: str) -> Pairs:
    pairs: list[tuple[str, str | None]] = []
    for part in _SEPARATOR.split(text.partition("#")[0]):
        name, equals, value = part.partition("=")
        if name:
            pairs.append((unquote_plus(name), unquote_plus(value) if equals else None))
    return tuple(pairs)


_parse_cached = lru_cache(maxsize=4096)(_parse)
