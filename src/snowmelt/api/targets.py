"""For whom: the attribute keys and identifiers in the query of a stream or a push."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from snowmelt.settings import InterventionSettings
from snowmelt.stores.outbox import Target

UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
LAST_EVENT_ID: Final = "last_event_id"
"""A member of the query that is no attribute key, unless one is registered under this name."""
MAX_PUSHED: Final = 1_000
MAX_IDENTIFIER_BYTES: Final = 512


class MalformedTargets(Exception):
    """The query names nobody, or somebody who cannot be named; the text says who."""


class Targets:
    """Reads targets and judges them.

    Args:
        keys: gives the names of the attribute keys that there are at present.
        settings: how many, and which, may be subscribed to.
    """

    def __init__(self, keys: Callable[[], frozenset[str]], settings: InterventionSettings) -> None:
        self._keys, self._settings = keys, settings

    def subscribed(self, query: bytes) -> tuple[tuple[Target, ...], str | None]:
        """The targets of a stream, each once, and the last event id if the query has it.

        Raises:
            MalformedTargets: one of them cannot be subscribed to; all that is wrong is told.
        """
        targets, last_event_id, problems = self._read(query)
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
        return _checked(targets, problems), last_event_id

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

    def _read(self, query: bytes) -> tuple[tuple[Target, ...], str | None, list[str]]:
        known = self._keys()
        last_event_id = None
        targets: list[Target] = []
        problems: list[str] = []
        try:
            members = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:  # of which UnicodeDecodeError is one
            raise MalformedTargets("The query is not percent-encoded UTF-8.") from None
        for name, value in members:
            if name not in known:
                if name == LAST_EVENT_ID:
                    last_event_id = value
                else:
                    problems.append(f"there is no attribute key {name[:128]!r}")
            elif not value or len(value.encode()) > MAX_IDENTIFIER_BYTES:
                problems.append(f"an identifier of {name} is empty or longer than {MAX_IDENTIFIER_BYTES} bytes")
            else:
                targets.append((name, value))
        return tuple(dict.fromkeys(targets)), last_event_id, list(dict.fromkeys(problems))


def _checked(targets: tuple[Target, ...], problems: list[str]) -> tuple[Target, ...]:
    if problems:
        text = "; ".join(problems[:20])
        raise MalformedTargets(f"{text[0].upper()}{text[1:]}.")
    if not targets:
        raise MalformedTargets("No targets: name an attribute key and an identifier in the query, ?domain_userid=...")
    return targets
