"""A whole data folder of the oldest release: it starts, reads the right values, and goes on."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

import folder_fixture
from conftest import Server
from figures import COUNTS
from folder_fixture import FOLDER, counted, differences, events, expected, read, send
from snowmelt.stores.failed_events import FailedEvents

pytestmark = pytest.mark.process

OLD, NEW = events(1), events(2)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Server, httpx.Client]]:
    """A server of this release on a folder, and a client of it."""
    server = Server(folder)
    try:
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}) as client:
            server.flush()
            yield server, client
    finally:
        server.close()


def compare(client: httpx.Client, sent: list[dict[str, str]]) -> None:
    """The values of everybody are those of a plain count over all that was sent."""
    found = differences(read(client), expected(sent))
    COUNTS["upgrade: events compared"] += len(sent)
    COUNTS["upgrade: values compared"] += sum(map(len, expected(sent).values()))
    COUNTS["differences after an upgrade"] += len(found)
    assert found == []


@pytest.mark.parametrize("lost", [False, True], ids=["as it was", "profiles rebuilt from its log"])
def test_a_folder_of_the_oldest_release_goes_on(tmp_path: Path, lost: bool) -> None:
    folder = tmp_path / "data"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("values.json"))
    if lost:
        shutil.rmtree(folder / "profiles")
    with serving(folder) as (server, client):
        assert read(client) == json.loads((FOLDER / "values.json").read_text()), "as that release read them"
        compare(client, OLD)
        group = client.get("/api/v1/registry/attribute_groups/kept/").raise_for_status().json()
        assert [one["name"] for one in group["attributes"]] == [
            one["name"] for one in folder_fixture.GROUP["attributes"]
        ]
        send(client, NEW)
        server.flush()
        compare(client, [*OLD, *NEW])
        assert counted(client) == len(OLD) + len(NEW)
        if not lost:
            server.kill()
            server.start()
        with httpx.Client(base_url=server.url, headers=client.headers) as again:
            server.flush()
            compare(again, [*OLD, *NEW])
    with closing(FailedEvents(folder / "failed.sqlite")) as failed:
        assert failed.count() == 2, "that release's own, and a new one"
