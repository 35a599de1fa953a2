"""A real registry over HTTP in another process: whatever it does, looking a schema up takes a bounded time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iglu_documents import key
from schema_registry import SchemaRegistry
from snowmelt.iglu.allowance import Allowance
from snowmelt.iglu.http_registry import HttpRegistry, http_fetch
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.schema import Schema

ORDER = key()
TIMEOUT = 0.5


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[SchemaRegistry]:
    registry = SchemaRegistry(tmp_path / "remote")
    yield registry
    registry.stop()


def client(remote: SchemaRegistry, api_key: str | None = None) -> HttpRegistry:
    return HttpRegistry(Place("central"), remote.uri, http_fetch(TIMEOUT, api_key), Allowance(), timeout=TIMEOUT)


@pytest.mark.parametrize(
    ("mode", "trouble", "message"),
    [
        ("slow", "unreachable", "no answer within 0.5 s"),
        ("drip", "unreachable", "no answer within 0.5 s"),
        ("500", "unreachable", "status 500"),
        ("garbage", "unusable", "it is not JSON"),
        ("empty", "missing", "NotFound"),
    ],
)
def test_a_registry_that_gives_no_schema(remote: SchemaRegistry, mode: Any, trouble: str, message: str) -> None:
    remote.put(ORDER)
    remote.be(mode)
    started = time.monotonic()
    found = client(remote).look_up(ORDER)
    assert time.monotonic() - started < TIMEOUT * 4
    assert isinstance(found, Absence)
    assert found.trouble == trouble
    assert message in found.message


def test_what_is_said_of_one_that_is_too_slow_does_not_depend_on_who_gives_up_first(remote: SchemaRegistry) -> None:
    remote.be("slow")
    patient = HttpRegistry(Place("central"), remote.uri, http_fetch(0.2), Allowance(), timeout=20.0)
    hasty = HttpRegistry(Place("central"), remote.uri, http_fetch(20.0), Allowance(), timeout=0.2)
    for registry in (patient, hasty):
        found = registry.look_up(ORDER)
        assert isinstance(found, Absence)
        assert (found.trouble, found.message) == ("unreachable", "no answer within 0.2 s")


def test_a_registry_that_is_down(remote: SchemaRegistry) -> None:
    remote.stop()
    found = client(remote).look_up(ORDER)
    assert isinstance(found, Absence)
    assert found.trouble == "unreachable"
    assert "ConnectError" in found.message


def test_a_registry_that_works_gets_the_key(remote: SchemaRegistry) -> None:
    remote.put(ORDER, required=["id"])
    found = client(remote, "a secret").look_up(ORDER)
    assert isinstance(found, Schema)
    assert not found.compiled.is_valid({})
    assert remote.asked() == ["/schemas/com.acme/order/jsonschema/1-0-0 a secret"]


def test_the_key_is_not_taken_elsewhere(remote: SchemaRegistry) -> None:
    remote.be("redirect")
    found = client(remote, "a secret").look_up(ORDER)
    assert isinstance(found, Absence)
    assert found.message == "status 302"
    assert len(remote.asked()) == 1
