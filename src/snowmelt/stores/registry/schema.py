"""Bringing the registry's tables to the form that this release needs."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from snowmelt.stores.registry import tables
from snowmelt.stores.registry.api_keys import add_organization
from snowmelt.stores.registry.database import Database
from snowmelt.stores.registry.errors import UnreadableRegistry
from snowmelt.stores.registry.keys import add_built_in_keys

VERSION: Final = "0003"
"""The newest migration; a test compares it with the folder ``migrations``."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def ensure_schema(database: Database) -> None:
    """Create or migrate the tables, unless they are current.

    Several processes may do this at once: the first migrates inside one transaction, the others wait for
    it. Alembic is imported only when there is something to migrate, since its import takes longer than
    everything else here.

    Raises:
        UnreadableRegistry: the tables were written by a newer release.
    """
    with database.read() as connection:
        if _version(connection) == VERSION:
            return
    with database.write() as change:
        connection = change.connection
        version = _version(connection)
        if version is None:
            _create(connection)
        elif version != VERSION:
            _migrate(connection, version)
        add_built_in_keys(change)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "base"


def _create(connection: Connection) -> None:
    """A new registry gets the newest tables at once and is marked as migrated."""
    tables.metadata.create_all(connection)
    connection.execute(tables.revision.insert().values(id=1, value=0))
    add_organization(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version ("
            "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:version)"), {"version": VERSION})


def _migrate(connection: Connection, version: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise UnreadableRegistry(
            f"The registry has tables of version {version}, which this release does not know. "
            "Use the release that wrote it, or a newer one."
        ) from error
