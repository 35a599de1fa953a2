"""Publishing and unpublishing what is registered, all or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from snowmelt.stores.registry.agentic_decisions import AGENTIC_DECISIONS
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.drafts import set_drafted_published
from snowmelt.stores.registry.event_logs import EVENT_LOGS
from snowmelt.stores.registry.groups import set_group_published
from snowmelt.stores.registry.interventions import set_intervention_published
from snowmelt.stores.registry.keys import set_key_published
from snowmelt.stores.registry.services import set_service_published

Version = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Definitions that are to be published or unpublished together; groups and interventions with a version."""

    keys: Sequence[str] = ()
    groups: Sequence[Version] = ()
    services: Sequence[str] = ()
    interventions: Sequence[Version] = ()
    event_logs: Sequence[str] = ()
    agentic_decisions: Sequence[str] = ()


class Publishing:
    """Changes the state of several definitions in one transaction, with the checks of a single change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, references: References) -> None:
        """Publish, first what others refer to; what is published already stays so.

        Raises:
            RegistryError: the first refusal or unknown reference; then nothing was changed.
        """
        with self._database.write() as change:
            for step in _IN_ORDER:
                step(change, references, True)

    def unpublish(self, references: References) -> None:
        """The reverse, in reverse order. Errors are those of ``publish``."""
        with self._database.write() as change:
            for step in reversed(_IN_ORDER):
                step(change, references, False)


def _keys(change: Change, references: References, is_published: bool) -> None:
    for name in references.keys:
        set_key_published(change, name, is_published)


def _groups(change: Change, references: References, is_published: bool) -> None:
    for name, version in references.groups:
        set_group_published(change, name, version, is_published)


def _services(change: Change, references: References, is_published: bool) -> None:
    for name in references.services:
        set_service_published(change, name, is_published)


def _interventions(change: Change, references: References, is_published: bool) -> None:
    for name, version in references.interventions:
        set_intervention_published(change, name, version, is_published)


def _event_logs(change: Change, references: References, is_published: bool) -> None:
    for name in references.event_logs:
        set_drafted_published(change, EVENT_LOGS, name, is_published)


def _agentic_decisions(change: Change, references: References, is_published: bool) -> None:
    for name in references.agentic_decisions:
        set_drafted_published(change, AGENTIC_DECISIONS, name, is_published)


_IN_ORDER: Final[tuple[Callable[[Change, References, bool], None], ...]] = (
    _keys,
    _groups,
    _services,
    _interventions,
    _event_logs,
    _agentic_decisions,
)
