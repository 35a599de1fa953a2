"""For whom: the attribute keys and identifiers in the query of a stream or a push."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from snowmelt.settings import InterventionSettings
from snowmelt.stores.outbox import Target

UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
LAST_EVENT_ID: Final = "last_event_id"
TOKEN: Final = "token"
"""Members of the query that are no attribute keys, unless one is registered under this name."""
MAX_PUSHED: Final = 1_000
MAX_IDENTIFIER_BYTES: Final = 512


class MalformedTargets(Exception):
    """The query names nobody, or somebody who cannot be named; the text says who."""


class Subscription(NamedTuple):
    """What the query of a stream asks for.

    Args:
        targets: each once.
        last_event_id: as the query has it.
        token: that proves that the targets may be subscribed to, if the query has one.
    """

    targets: tuple[Target, ...]
    last_event_id: str | None
    token: str | None

    def __repr__(self) -> str:
        # A token is worth as much as what it opens: it is not to get into a log.
        return f"Subscription({self.targets!r})"


class Targets:
    """Reads targets and judges them.

    Args:
        keys: gives the names of the attribute keys that there are at present.
        settings: how many, and which, may be subscribed to.
    """

    def __init__(self, keys: Callable[[], frozenset[str]], settings: InterventionSettings) -> None:
        self._keys, self._settings = keys, settings

    def subscribed(self, query: bytes) -> Subscription:
        """What a stream asks for.

        Raises:
            MalformedTargets: one of them cannot be subscribed to; all that is wrong is told.
        """
        targets, others, problems = self._read(query)
        counts: dict[str, int] = {}
        for key, identifier in targets:
            counts[key] = counts.get(key, 0) + 1
            if not self.open_to_subscribers(identifier):
                problems.append(
                    f"the identifier {identifier[:64]!r} of {key} is no UUID, and what can be guessed is not given out"
                )
        most = self._settings.identifiers_per_key
        problems += [
            f"too many identifiers of {key}: {count}, at most {most} are taken"
            for key, count in counts.items()
            if count > most
        ]
        if len(targets) > self._settings.identifiers:
            problems.append(
                f"too many identifiers in all: {len(targets)}, at most {self._settings.identifiers} are taken"
            )
        return Subscription(_checked(targets, problems), others.get(LAST_EVENT_ID), others.get(TOKEN))

    def pushed(self, query: bytes) -> tuple[Target, ...]:
        """The targets of a push, each once.

        Raises:
            MalformedTargets: there are none, or too many, or one has an unknown key; all that is wrong is told.
        """
        targets, _, problems = self._read(query)
        if len(targets) > MAX_PUSHED:
            problems.append(f"too many identifiers: {len(targets)}, at most {MAX_PUSHED} are taken; split the call")
        return _checked(targets, problems)

    def open_to_subscribers(self, identifier: str) -> bool:
        """Whether somebody can be subscribed to an identifier."""
        return self._settings.any_identifier or UUID.fullmatch(identifier) is not None

    def _read(self, query: bytes) -> tuple[tuple[Target, ...], dict[str, str], list[str]]:
        known = self._keys()
        others: dict[str, str] = {}
        targets: list[Target] = []
        problems: list[str] = []
        try:
            members = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:  # of which UnicodeDecodeError is one
            raise MalformedTargets("The query is not percent-encoded UTF-8.") from None
        for name, value in members:
            if name not in known:
                if name in (LAST_EVENT_ID, TOKEN):
                    others[name] = value
                else:
                    problems.append(f"there is no attribute key {name[:128]!r}")
            elif not value or len(value.encode()) > MAX_IDENTIFIER_BYTES:
                problems.append(f"an identifier of {name} is empty or longer than {MAX_IDENTIFIER_BYTES} bytes")
            else:
                targets.append((name, value))
        return tuple(dict.fromkeys(targets)), others, list(dict.fromkeys(problems))


def _checked(targets: tuple[Target, ...], problems: list[str]) -> tuple[Target, ...]:
    if problems:
        text = "; ".join(problems[:20])
        raise MalformedTargets(f"{text[0].upper()}{text[1:]}.")
    if not targets:
        raise MalformedTargets("No targets: name an attribute key and an identifier in the query, ?domain_userid=...")
    return targets
