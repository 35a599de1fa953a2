"""API keys in the registry: made once, never shown again, refused when they must be."""

import sqlite3
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from snowmelt.stores.registry import ROLES, InvalidDefinition, NotFound, Registry, digest_of, may
from snowmelt.stores.registry.api_keys import USE_INTERVAL

Rows = list[tuple[Any, ...]]


def everything(path: Path) -> bytes:
    """What the file and its journal hold."""
    return b"".join(part.read_bytes() for part in sorted(path.parent.glob(f"{path.name}*")))


def test_a_key_is_kept_as_its_digest_only(registry: Registry, path: Path) -> None:
    made = registry.api_keys.create("writer", name="the shop's back end")
    (listed,) = registry.api_keys.all()
    assert listed == made.stored
    assert (listed.role, listed.name, listed.expires_at, listed.revoked_at) == (
        "writer",
        "the shop's back end",
        None,
        None,
    )
    assert listed.digest == digest_of(made.key)
    assert str(uuid.UUID(listed.id)) == listed.id
    kept = everything(path)
    assert listed.digest.encode() in kept
    assert made.key.encode() not in kept


def test_every_key_is_another(registry: Registry) -> None:
    made = [registry.api_keys.create("reader") for _ in range(20)]
    assert len({one.key for one in made}) == len({one.stored.id for one in made}) == 20
    assert min(len(one.key) for one in made) >= 40


def test_making_and_revoking_are_changes_that_other_processes_see(registry: Registry, path: Path) -> None:
    with Registry.open(path) as other:
        before = other.revision()
        key_id = registry.api_keys.create("admin").stored.id
        assert other.revision() == before + 1
        registry.api_keys.revoke(key_id)
        assert other.revision() == before + 2
        assert other.api_keys.all()[0].revoked_at is not None


def test_a_key_is_revoked_once(registry: Registry, clock: Any) -> None:
    key_id = registry.api_keys.create("reader").stored.id
    first = registry.api_keys.revoke(key_id)
    revision = registry.revision()
    clock.forward(hours=1)
    assert registry.api_keys.revoke(key_id) == first
    assert registry.revision() == revision
    with pytest.raises(NotFound, match="no API key with the id x"):
        registry.api_keys.revoke("x")


def test_what_is_wrong_with_a_key_is_told_at_once(registry: Registry, clock: Any) -> None:
    role: Any = "owner"
    with pytest.raises(InvalidDefinition) as caught:
        registry.api_keys.create(role, name="two\nlines" + "x" * 128, expires_at=clock.now)
    assert [problem.loc for problem in caught.value.problems] == [("role",), ("name",), ("name",), ("expires_at",)]
    assert "reader, writer, admin" in str(caught.value)
    assert registry.api_keys.all() == []


def test_use_is_written_down_now_and_then_and_is_no_change(registry: Registry, clock: Any) -> None:
    key_id = registry.api_keys.create("reader").stored.id
    revision, made_at = registry.revision(), clock.now
    registry.api_keys.note_use(key_id)
    clock.forward(seconds=USE_INTERVAL.total_seconds() - 1)
    registry.api_keys.note_use(key_id)
    assert registry.api_keys.all()[0].last_used_at == made_at
    clock.forward(seconds=1)
    registry.api_keys.note_use(key_id)
    assert registry.api_keys.all()[0].last_used_at == made_at + timedelta(seconds=USE_INTERVAL.total_seconds())
    assert registry.revision() == revision
    registry.api_keys.note_use("unknown")


def test_there_is_one_organization(registry: Registry, path: Path, tmp_path: Path) -> None:
    organization = registry.api_keys.organization()
    assert str(uuid.UUID(organization)) == organization
    with Registry.open(tmp_path / "other.sqlite") as other:
        assert other.api_keys.organization() != organization
    connection = sqlite3.connect(path)
    rows: Rows = connection.execute("SELECT id FROM organization").fetchall()
    connection.close()
    assert rows == [(organization,)]


def test_roles_grow() -> None:
    table = [[may(role, needed) for needed in ROLES] for role in ROLES]
    assert table == [[True, False, False], [True, True, False], [True, True, True]]


def test_which_services_are_public(registry: Registry, group: Any, service: Any) -> None:
    registry.groups.create(group(is_published=True))
    registry.services.create(service("open", ("shop", 1), is_published=True, access_mode="public"))
    registry.services.create(service("shut", ("shop", 1), is_published=True))
    registry.services.create(service("draft", ("shop", 1), access_mode="public"))
    assert registry.read_model().public == {"open"}
    registry.services.update(service("open", ("shop", 1), is_published=True))
    assert registry.read_model().public == frozenset()
