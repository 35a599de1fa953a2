"""Definitions that are edited as drafts beside what is live: event logs and agentic decisions.

A name has at most two definitions: a draft and a live one. What is written goes to the draft; publishing makes
the draft the live one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from snowmelt.definitions import AgenticDecision, EventLog
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.problems import Problem
from snowmelt.stores.registry.codec import to_json
from snowmelt.stores.registry.database import Change, Database
from snowmelt.stores.registry.errors import AlreadyExists, InvalidDefinition, NotFound, OnlyDraft, StillPublished
from snowmelt.stores.registry.states import StateKind, drop_state, new_state

D = TypeVar("D", EventLog, AgenticDecision)


@dataclass(frozen=True, slots=True)
class DraftKind(Generic[D]):
    """One kind of such definitions.

    Args:
        table: where they are kept.
        model: how they are read.
        noun: what they are called, in lower case.
        collection: their path in the API.
        state: what their stored values are.
        check: what is wrong with a definition by itself.
        check_live: what else keeps it from going live; may raise a ``Refused``.
        check_unused: raises ``InUse`` if it must stay live.
        continues: whether values that were stored for the second are good for the first.
        freezes: whether values are kept while nothing is live, for a definition that goes on with them.
    """

    table: Table
    model: type[D]
    noun: str
    collection: str
    state: StateKind
    check: Callable[[D], list[Problem]]
    check_live: Callable[[Connection, D], list[Problem]]
    check_unused: Callable[[Connection, D], None]
    continues: Callable[[D, D], bool]
    freezes: bool = False

    def title(self, name: str) -> str:
        """For people: ``Event log recent``."""
        return f"{self.noun.capitalize()} {name}"


@dataclass(frozen=True, slots=True)
class StoredDraft(Generic[D]):
    """What is registered under a name.

    Args:
        draft: waits to be published, if there is something.
        live: is published, if something is.
        state_id: where the values of the live one are stored; without one, those that the draft would go on with.
        created_at: first registered.
        updated_at: last changed.
    """

    draft: D | None
    live: D | None
    state_id: int | None
    created_at: datetime
    updated_at: datetime

    @property
    def newest(self) -> D:
        """What was written last."""
        found = self.draft or self.live
        assert found is not None
        return found

    @property
    def is_published(self) -> bool:
        """Whether the newest is the live one."""
        return self.draft is None

    @property
    def has_published_version(self) -> bool:
        """Whether something is live."""
        return self.live is not None


class Drafts(Generic[D]):
    """Reads and changes the definitions of one kind."""

    def __init__(self, database: Database, kind: DraftKind[D]) -> None:
        self._database = database
        self._kind: DraftKind[D] = kind

    def all(self) -> list[StoredDraft[D]]:
        """Every definition, by name."""
        with self._database.read() as connection:
            return all_drafted(connection, self._kind)

    def get(self, name: str) -> StoredDraft[D]:
        """One definition.

        Raises:
            NotFound: there is none of this name.
        """
        with self._database.read() as connection:
            return _get(connection, self._kind, name)

    def create(self, definition: D) -> StoredDraft[D]:
        """Register a draft.

        Raises:
            AlreadyExists: the name is taken, whatever its definition.
            InvalidDefinition: it breaks rules.
        """
        kind, name = self._kind, definition.name
        with self._database.write() as change:
            if _find(change.connection, kind, name) is not None:
                raise AlreadyExists(f"{kind.title(name)} exists already. PUT {kind.collection}/{name} changes it.")
            _check(kind, definition)
            change.connection.execute(
                insert(kind.table).values(
                    name=name, draft=to_json(definition), created_at=change.now, updated_at=change.now
                )
            )
            change.mark()
            return _get(change.connection, kind, name)

    def update(self, definition: D) -> StoredDraft[D]:
        """Write the draft; what is live stays so. What equals the live definition leaves no draft.

        Raises:
            NotFound: there is none of this name.
            InvalidDefinition: it breaks rules.
        """
        kind, name = self._kind, definition.name
        with self._database.write() as change:
            stored = _get(change.connection, kind, name)
            _check(kind, definition)
            draft = None if stored.live and same_definition(definition, stored.live) else definition
            if not _equal(draft, stored.draft):
                state_id = stored.state_id if stored.live else _frozen(kind, definition, stored.newest, stored.state_id)
                _write(change, kind, name, draft=draft, live=stored.live, state_id=state_id)
                _drop_replaced(change, stored.state_id, state_id)
            return _get(change.connection, kind, name)

    def discard(self, name: str) -> StoredDraft[D]:
        """Drop the draft beside what is live.

        Raises:
            NotFound: there is none of this name, or it has no draft.
            OnlyDraft: nothing is live; it can be deleted.
        """
        kind = self._kind
        with self._database.write() as change:
            stored = _get(change.connection, kind, name)
            if stored.draft is None:
                raise NotFound(f"{kind.title(name)} has no draft.")
            if stored.live is None:
                raise OnlyDraft(
                    f"{kind.title(name)} is nothing but a draft. DELETE {kind.collection}/{name} removes it."
                )
            _write(change, kind, name, draft=None, live=stored.live, state_id=stored.state_id)
            return _get(change.connection, kind, name)

    def delete(self, name: str) -> None:
        """Remove a definition.

        Raises:
            NotFound: there is none of this name.
            StillPublished: unpublish it first.
        """
        kind = self._kind
        with self._database.write() as change:
            stored = _get(change.connection, kind, name)
            if stored.live is not None:
                raise StillPublished(kind.title(name))
            change.connection.execute(delete(kind.table).where(kind.table.c.name == name))
            _drop_replaced(change, stored.state_id, None)
            change.mark()


def set_drafted_published(change: Change, kind: DraftKind[D], name: str, is_published: bool) -> None:
    """Make the draft the live one, or take what is live out of use; nothing happens if it is so already.

    What is taken out of use becomes the draft, unless there is one.

    Raises:
        NotFound: there is none of this name.
        InvalidDefinition: it was to go live, but refers to what is not.
        Refused: it cannot go live, or something that is live needs it.
    """
    stored = _get(change.connection, kind, name)
    if is_published and stored.draft is not None:
        _check(kind, stored.draft, kind.check_live(change.connection, stored.draft))
        state_id = stored.state_id
        if state_id is None or (stored.live is not None and not kind.continues(stored.draft, stored.live)):
            state_id = new_state(change, kind.state, name, stored.draft.version)
        _write(change, kind, name, draft=None, live=stored.draft, state_id=state_id)
        _drop_replaced(change, stored.state_id, state_id)
    elif not is_published and stored.live is not None:
        kind.check_unused(change.connection, stored.live)
        state_id = _frozen(kind, stored.newest, stored.live, stored.state_id)
        _write(change, kind, name, draft=stored.newest, live=None, state_id=state_id)
        _drop_replaced(change, stored.state_id, state_id)


def _frozen(kind: DraftKind[D], draft: D, earlier: D, state_id: int | None) -> int | None:
    """The id of the values that a draft can go on with, of those that were stored for an earlier definition."""
    return state_id if kind.freezes and kind.continues(draft, earlier) else None


def _drop_replaced(change: Change, old: int | None, new: int | None) -> None:
    if old is not None and old != new:
        drop_state(change, old)


def all_drafted(connection: Connection, kind: DraftKind[D]) -> list[StoredDraft[D]]:
    """Every definition of a kind, by name."""
    return [_stored(kind, row) for row in connection.execute(select(kind.table).order_by("name"))]


def _find(connection: Connection, kind: DraftKind[D], name: str) -> StoredDraft[D] | None:
    row = connection.execute(select(kind.table).where(kind.table.c.name == name)).one_or_none()
    return None if row is None else _stored(kind, row)


def _get(connection: Connection, kind: DraftKind[D], name: str) -> StoredDraft[D]:
    stored = _find(connection, kind, name)
    if stored is None:
        raise NotFound(f"There is no {kind.noun} {name}.")
    return stored


def _stored(kind: DraftKind[D], row: Row[Any]) -> StoredDraft[D]:
    draft, live = (None if text is None else kind.model.model_validate_json(text) for text in (row.draft, row.live))
    return StoredDraft(draft, live, row.state_id, row.created_at, row.updated_at)


def _check(kind: DraftKind[D], definition: D, further: list[Problem] | None = None) -> None:
    if problems := [*kind.check(definition), *(further or ())]:
        raise InvalidDefinition(kind.title(definition.name), problems)


def _equal(a: D | None, b: D | None) -> bool:
    return a is b if a is None or b is None else to_json(a) == to_json(b)


def _write(
    change: Change, kind: DraftKind[D], name: str, *, draft: D | None, live: D | None, state_id: int | None
) -> None:
    change.connection.execute(
        update(kind.table)
        .where(kind.table.c.name == name)
        .values(
            draft=None if draft is None else to_json(draft),
            live=None if live is None else to_json(live),
            state_id=state_id,
            updated_at=change.now,
        )
    )
    change.mark()
