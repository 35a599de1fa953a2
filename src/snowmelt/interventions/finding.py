"""What rules find in an event: key values, targets and its moment; once for all rules that look for the same."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from snowmelt.compute import calculated
from snowmelt.compute.handler import MOMENT, moment
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.profiles import MAX_KEY_BYTES
from snowmelt.compute.projection import Projection
from snowmelt.compute.properties import NAMES, property_source
from snowmelt.interventions.rule import Rule

Keys: TypeAlias = tuple[str | None, ...]
"""The key value of each of a rule's groups."""

Targets: TypeAlias = tuple[tuple[str, str], ...]
"""The attribute key and the identifier of each target that is named."""

Found: TypeAlias = tuple[Keys, Targets, tuple[int, int, str]]
"""Key values, targets, and when the event happened, as :func:`snowmelt.compute.handler.moment` says it."""


class Finding:
    """What some rules look for, in the event that is being counted.

    Args:
        source: the generated function.
        now: ms since the epoch; the time of events that have none.
    """

    def __init__(self, source: str, now: int) -> None:
        self._find, self._now = _compiled(source), now
        self._event: Any = None
        self._found: Found = (), (), (0, 0, "")

    def of(self, event: Any) -> Found:
        """What there is in an event."""
        if event is not self._event:
            self._found, self._event = self._find(event, self._now), event
        return self._found


class Findings:
    """What the rules find that look at one batch of events.

    Args:
        now: ms since the epoch; the time of events that have none.
    """

    def __init__(self, now: int) -> None:
        self._now = now
        self._by_source: dict[str, Finding] = {}

    def of(self, rule: Rule, projection: Projection) -> Finding:
        """What a rule looks for, in events that were decoded by a projection."""
        source = _source(rule, projection)
        if source not in self._by_source:
            self._by_source[source] = Finding(source, self._now)
        return self._by_source[source]


def named(names: Sequence[str], found: Sequence[str | None]) -> Targets:
    """The targets whose identifiers were found.

    >>> named(("user_id", "domain_userid"), (None, "d"))
    (('domain_userid', 'd'),)
    """
    return tuple((name, value) for name, value in zip(names, found, strict=True) if value is not None)


def usable(key: Any) -> str | None:
    """A key value that names a profile, or ``None``: neither an empty text nor one of more than 512 bytes does.

    >>> usable("u"), usable(""), usable("u" * 513)
    ('u', None, None)
    """
    if not key or (len(key) > MAX_KEY_BYTES // 4 and len(key.encode()) > MAX_KEY_BYTES):
        return None
    return str(key)


def _source(rule: Rule, projection: Projection) -> str:
    groups = [_text(property_source(group.key, projection, "event")) for group in rule.groups]
    targets = [_text(property_source(source, projection, "event")) for _, source in rule.targets]
    names = tuple(name for name, _ in rule.targets)
    happened = ", ".join(projection.access(path, "event") for path in MOMENT)
    return f"lambda event, now: ({_tuple(groups)}, named({names!r}, {_tuple(targets)}), moment({happened}, now))"


def _text(source: str) -> str:
    return f"usable(text_of({source}))"


def _tuple(sources: Sequence[str]) -> str:
    return f"({''.join(f'{source}, ' for source in sources)})"


@lru_cache(1_000)
def _compiled(source: str) -> Callable[[Any, int], Found]:
    names = {"named": named, "usable": usable, "moment": moment}
    namespace = {**NAMES, **names, "text_of": calculated.text_of, "parse_instant": parse_instant}
    find: Callable[[Any, int], Found] = eval(source, namespace)
    return find
