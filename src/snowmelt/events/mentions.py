"""Whether a text names somebody, in whatever way trackers and browsers wrap texts into each other."""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import unquote_plus

from snowmelt.events.erasure import Subject

LONG: int = 6
"""Identifiers of so many bytes are looked for everywhere in a text, shorter ones only behind the names of their key:
a text that holds `42` says nothing of a user `42`."""

DEEPEST = 6
"""Texts in texts in texts: a failed request holds a body that holds an event that holds entities."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{2}){6,}(?![0-9A-Za-z])")
_ESCAPED = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/]))')
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LEAST_NEEDLE = 4


class Mentions:
    """Finds identifiers in texts: as they are, escaped as in JSON or URLs, in base64 or hexadecimal, and in each other.

    Args:
        subjects: who is looked for.

    >>> ann = Subject(key="user_id", names=("user_id",), places=("user_id", "uid"), identifier="ann@example.com")
    >>> found = Mentions([ann])
    >>> found.in_text("e=pv&uid=ann%40example.com"), found.in_text("uid=joann@example.com")
    (True, False)
    >>> found.in_text("cx=" + b64encode(b'{"mail": "ann\\\\u0040example.com"}').decode())
    True
    >>> short = Mentions([Subject(key="user_id", names=("user_id",), places=("user_id", "uid"), identifier="42")])
    >>> short.in_text('{"uid": "42"}'), short.in_text('{"price": 42}')
    (True, False)
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.subjects = subjects
        patterns = [_pattern(subject) for subject in subjects]
        self._pattern = re.compile("|".join(patterns)) if patterns else None
        self._bytes = [one.identifier.encode() for one in subjects if is_long(one)]
        needles = [needles for subject in subjects for needles in [_needles(subject.identifier)]]
        self._needles = None if any(one is None for one in needles) else [n for one in needles for n in one or ()]

    def may_be_in(self, data: bytes | memoryview) -> bool:
        """Whether it is worth looking closely: never a wrong no, a yes for most identifiers only if they are there.

        Cost: some 50 µs a MB for each identifier.
        """
        if self._needles is None:
            return True
        whole = bytes(data)
        return any(needle in whole for needle in self._needles)

    def in_bytes(self, data: bytes | memoryview) -> bool:
        """Whether one of the long identifiers stands in stored bytes as it is."""
        whole = bytes(data)
        return any(one in whole for one in self._bytes)

    def in_text(self, text: str) -> bool:
        """Whether a text holds one of them, or a text that does.

        Cost: a few µs a KB.
        """
        return self._pattern is not None and self._within(text, 0)

    def _within(self, text: str, depth: int) -> bool:
        assert self._pattern is not None
        if self._pattern.search(text):
            return True
        return depth < DEEPEST and any(self._within(inner, depth + 1) for inner in _inner(text))


def is_long(subject: Subject) -> bool:
    """Whether an identifier is looked for everywhere in a text."""
    return len(subject.identifier.encode()) >= LONG


def _pattern(subject: Subject) -> str:
    identifier = re.escape(subject.identifier)
    if _UUID.fullmatch(subject.identifier):
        # Enrichment writes session ids small.
        identifier = f"(?i:{identifier})"
    if is_long(subject):
        return rf"(?<![0-9A-Za-z_-]){identifier}(?![0-9A-Za-z_-])"
    names = "|".join(map(re.escape, sorted(subject.places)))
    return rf"""(?<!\w)(?:{names})(?:["']\s*,\s*["']value)?["']?\s*[=:]\s*["']?{identifier}(?![\w-])"""


def _inner(text: str) -> Iterator[str]:
    """The texts that a text holds in other letters."""
    if "%" in text or "+" in text:
        unquoted = unquote_plus(text)
        if unquoted != text:
            yield unquoted
    if "\\" in text:
        unescaped = _ESCAPED.sub(lambda found: found[2] or chr(int(found[1], 16)), text)
        if unescaped != text:
            # JSON writes what lies beyond 16 bits as two.
            yield unescaped.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    for found in _BASE64.finditer(text):
        decoded = _from_base64(found[0])
        if decoded is not None:
            yield decoded
    for found in _HEX.finditer(text):
        # Binary data around it must not hide where it begins.
        yield "\n".join(re.split("[^ -~\x80-\U0010ffff]", bytes.fromhex(found[0]).decode("utf-8", "replace")))


@lru_cache(maxsize=4096)
def _from_base64(run: str) -> str | None:
    bare = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _needles(identifier: str) -> list[bytes] | None:
    """Bytes of which one must stand in data that holds an identifier in whatever letters; ``None`` if that is unknown.

    Letters and digits look the same in JSON and URLs; what is around them may not.
    """
    forms = {identifier}
    if _UUID.fullmatch(identifier):
        forms |= {identifier.lower(), identifier.upper()}
    found: list[bytes] = []
    for form in forms:
        core = max(_PLAIN.findall(form), key=len, default="")
        needles = [core, core.encode().hex(), *_base64_forms(core.encode())]
        if any(len(needle) < _LEAST_NEEDLE for needle in needles):
            return None
        found += [needle.encode() for needle in needles]
    return found


def _base64_forms(core: bytes) -> Iterator[str]:
    """What stands in base64 whatever is before and after: one text for each of the three ways to divide it."""
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + core).decode()
        inner = encoded[(0, 2, 3)[shift] : (shift + len(core)) * 8 // 6]
        yield max(_PLAIN.findall(inner), key=len, default="")
