"""The registry's tables.

Definitions are kept whole, as the JSON that travels on the wire; columns beside it hold only what the
registry itself looks up or decides: names, versions, states and who refers to whom.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

NAME_LENGTH: Final = 128

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; databases without time zones keep it as naive UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


attribute_keys = Table(
    "attribute_keys",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("is_published", Boolean, nullable=False),
    Column("is_built_in", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

states = Table(
    "states",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False, server_default="attribute_group"),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    # An id names stored values: after its definition is gone it must never name those of another one.
    sqlite_autoincrement=True,
)
"""Who stores values under which id, for people who look into the file."""

attribute_groups = Table(
    "attribute_groups",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("definition", Text, nullable=False),
    Column("is_published", Boolean, nullable=False),
    Column("attribute_key", String(NAME_LENGTH), nullable=False),
    Column("state_id", Integer, ForeignKey(states.c.id), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("published_at", Instant, nullable=True),
    UniqueConstraint("state_id"),
    Index(None, "attribute_key"),
)
"""``published_at`` is when the present definition was first published; null if it has no values yet."""

services = Table(
    "services",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("is_published", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

service_groups = Table(
    "service_groups",
    metadata,
    Column("service", String(NAME_LENGTH), ForeignKey(services.c.name, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("group_name", String(NAME_LENGTH), nullable=False),
    Column("group_version", Integer, nullable=False),
    # The registry checks this itself, with words; the database makes it impossible.
    ForeignKeyConstraint(["group_name", "group_version"], [attribute_groups.c.name, attribute_groups.c.version]),
    Index(None, "group_name", "group_version"),
)

interventions = Table(
    "interventions",
    metadata,
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("definition", Text, nullable=False),
    Column("is_published", Boolean, nullable=False),
    Column("state_id", Integer, ForeignKey(states.c.id), nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("state_id"),
)
"""``state_id`` is there while the version is published."""


def _drafted(name: str) -> Table:
    """A table of definitions that are edited as drafts beside what is live.

    ``state_id`` is there with ``live``; without it where the draft can go on with what was stored before.
    """
    return Table(
        name,
        metadata,
        Column("name", String(NAME_LENGTH), primary_key=True),
        Column("draft", Text, nullable=True),
        Column("live", Text, nullable=True),
        Column("state_id", Integer, ForeignKey(states.c.id), nullable=True),
        Column("created_at", Instant, nullable=False),
        Column("updated_at", Instant, nullable=False),
        UniqueConstraint("state_id"),
    )


event_logs = _drafted("event_logs")
agentic_decisions = _drafted("agentic_decisions")

revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", Integer, nullable=False),
)
"""One row: the number of changes committed so far."""

organization = Table("organization", metadata, Column("id", String(36), primary_key=True))
"""One row: the id of the organization that API keys belong to."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("role", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True),
    Column("revoked_at", Instant, nullable=True),
    Column("last_used_at", Instant, nullable=True),
    UniqueConstraint("digest"),
)
"""Of a key itself only the digest is kept."""
