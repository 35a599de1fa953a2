"""Opening: creating, migrating, sharing and refusing registry files."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from snowmelt.stores.registry import Registry, UnreadableRegistry, schema
from snowmelt.stores.registry.states import new_state
from snowmelt.stores.registry.tables import metadata


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    return config


def table_sql(path: Path) -> dict[str, str]:
    """The statement that made each table and index, without differences of writing."""
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    finally:
        connection.close()
    return {name: "".join(sql.split()) for name, sql in rows}


def set_version(path: Path, version: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


def test_the_version_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == schema.VERSION


def test_migrations_lead_to_the_same_tables_as_creation(tmp_path: Path) -> None:
    Registry.open(tmp_path / "created.sqlite").close()

    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrated = set(inspect(connection).get_table_names())
    engine.dispose()

    assert migrated == {*metadata.tables, "alembic_version"}
    created_sql, migrated_sql = (
        table_sql(tmp_path / "created.sqlite"),
        table_sql(tmp_path / "migrated.sqlite"),
    )
    assert created_sql.keys() == migrated_sql.keys()
    assert "AUTOINCREMENT" in created_sql["states"]
    assert "AUTOINCREMENT" in migrated_sql["states"]


def test_an_older_registry_is_migrated_when_opened(path: Path) -> None:
    """An empty version table stands for any release before the first migration."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.close()
    with Registry.open(path) as registry:
        assert len(registry.keys.all()) == 4
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.VERSION,)]
    connection.close()


def test_ids_of_stored_values_survive_their_migration(path: Path) -> None:
    """A file of the first tables, one of whose ids is used up: it must not be given again."""
    engine = create_engine(f"sqlite:///{path}")
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for name in ("kept", "gone"):
            connection.exec_driver_sql(
                "INSERT INTO states (group_name, group_version, created_at) VALUES (?, 3, '2026-01-01')", (name,)
            )
        connection.exec_driver_sql("DELETE FROM states WHERE group_name = 'gone'")
    engine.dispose()
    with Registry.open(path) as registry, registry._database.write() as change:
        rows = change.connection.exec_driver_sql("SELECT id, kind, name, version FROM states").fetchall()
        assert rows == [(1, "attribute_group", "kept", 3)]
        assert new_state(change, "intervention", "fresh", 1) == 3


def test_definitions_outlive_the_migration_that_brings_api_keys(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            'INSERT INTO services VALUES (\'shop\', \'{"name":"shop","attribute_groups":[{"name":"g"}]}\', 1, '
            "'2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
        )
        connection.exec_driver_sql("UPDATE revision SET value = 41")
    engine.dispose()
    with Registry.open(path) as registry:
        assert registry.services.get("shop").service.access_mode == "authenticated"
        assert registry.revision() == 42
        organization = registry.api_keys.organization()
        assert len(registry.api_keys.create("reader").key) > 40
    with Registry.open(path) as registry:
        assert registry.api_keys.organization() == organization


def test_the_registry_of_a_newer_release_is_refused(path: Path) -> None:
    Registry.open(path).close()
    set_version(path, "9999")
    with pytest.raises(UnreadableRegistry, match="9999"):
        Registry.open(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"something else entirely, long enough to be looked at " * 100)
    with pytest.raises(UnreadableRegistry, match="not a database"):
        Registry.open(path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRegistry, match="absent"):
        Registry.open(tmp_path / "absent" / "registry.sqlite")


def test_many_may_open_a_new_registry_at_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        registries = list(pool.map(Registry.open, [path] * 8))
    for registry in registries:
        assert len(registry.keys.all()) == 4
        assert registry.revision() == 1
        registry.close()


def test_processes_may_open_a_new_registry_at_once(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from snowmelt.stores.registry import Registry\n"
        "with Registry.open(Path(sys.argv[1])) as registry: print(registry.revision())"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [b"1"] * 3


def test_opening_a_current_registry_does_not_import_alembic(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from snowmelt.stores.registry import Registry\n"
        "Registry.open(Path(sys.argv[1])).close()\n"
        "assert not any(name.split('.')[0] == 'alembic' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


def test_the_file_is_synced_at_every_commit(registry: Registry, path: Path) -> None:
    with registry._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
