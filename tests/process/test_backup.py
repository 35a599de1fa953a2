"""A backup of a server at work: whole, of one moment, and ready to be served."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from conftest import eventually
from snowmelt.definitions import AtomicProperty, Attribute, StreamAttributeGroup, domain_userid
from snowmelt.runtimes.backup import back_up
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.restore import restore
from snowmelt.stores.errors import StoreError
from snowmelt.testing import Server

GROUP = StreamAttributeGroup(
    name="numbered",
    attribute_key=domain_userid,
    owner="a@example.com",
    is_published=True,
    attributes=[
        Attribute(name="count", type="int64", aggregation="counter", events=[]),
        Attribute(name="highest", type="int64", aggregation="max", events=[], property=AtomicProperty(name="se_value")),
    ],
)
pytestmark = pytest.mark.process

VISITOR = str(uuid4())


@contextmanager
def numbered_events(server: Server) -> Iterator[list[int]]:
    """One event after the other, numbered from 1; the list has the number of the last that was acknowledged."""
    acknowledged, stop = [0], threading.Event()

    def send() -> None:
        with httpx.Client(base_url=server.url) as client:
            while not stop.is_set():
                number = acknowledged[0] + 1
                event = {"e": "se", "se_ca": "a", "se_ac": "b", "se_va": str(number), "duid": VISITOR, "p": "web"}
                query = event | {"eid": str(uuid4()), "tv": "test-1", "aid": "shop"}
                client.get("/i", params=query).raise_for_status()
                acknowledged[0] = number

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        sender.join()


def values(server: Server) -> dict[str, int]:
    """What a server says of the visitor, once it has counted everything."""
    return server.profile(GROUP, VISITOR)


def test_a_server_on_the_backup_goes_on_from_one_moment(tmp_path: Path) -> None:
    with Server(tmp_path / "shop") as server:
        server.signals.publish([GROUP])
        with numbered_events(server) as acknowledged:
            eventually(lambda: acknowledged[0] >= 200, "more events are acknowledged")
            least = acknowledged[0]
            back_up(DataDir(server.data_dir), tmp_path / "copy")
            most = acknowledged[0] + 1  # one may be stored whose answer is on its way
            eventually(lambda: acknowledged[0] >= most + 50, "more events are acknowledged")
        token = server.token
        assert values(server) == {"count": acknowledged[0], "highest": acknowledged[0]}
    with Server(tmp_path / "copy") as restored:
        assert restored.token == token
        copied = values(restored)
        assert copied["count"] == copied["highest"], "an event is missing, or is there twice"
        assert least <= copied["count"] <= most
        # It works on: it has the definitions, and takes events.
        with numbered_events(restored) as acknowledged:
            eventually(lambda: acknowledged[0] >= 5, "more events are acknowledged")
        assert values(restored)["count"] == copied["count"] + acknowledged[0]
    with pytest.raises(StoreError, match="is no backup"):  # but one that was served
        restore(tmp_path / "copy", tmp_path / "another")


def test_a_folder_at_rest_is_copied_by_the_command(tmp_path: Path) -> None:
    with Server(tmp_path / "shop") as server:
        server.signals.publish([GROUP])
        with numbered_events(server) as acknowledged:
            eventually(lambda: acknowledged[0] >= 20, "more events are acknowledged")
    command = [sys.executable, "-m", "snowmelt", "backup", str(tmp_path / "copy"), "--data-dir", str(server.data_dir)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "registry.sqlite" in printed.stdout
    assert {path.name for path in (tmp_path / "copy").iterdir()} >= {"log", "profiles", "registry.sqlite"}
    assert not [path for path in tmp_path.joinpath("copy").rglob("*") if path.suffix in {".bell", ".lock", ".address"}]
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0
    assert (tmp_path / "copy" / "sandbox.token").stat().st_mode & 0o077 == 0
    with Server(tmp_path / "copy") as restored:
        assert values(restored) == {"count": acknowledged[0], "highest": acknowledged[0]}


def test_after_a_power_cut_the_checkpoint_is_what_is_copied(tmp_path: Path) -> None:
    with Server(tmp_path / "shop") as server:
        server.signals.publish([GROUP])
        with numbered_events(server) as acknowledged:
            eventually(lambda: acknowledged[0] >= 20, "more events are acknowledged")
    shop = server.data_dir
    # The mark of another start of the machine, and profiles that nobody can read.
    (shop / "profiles.in-use").write_text("an earlier start of the machine")
    (shop / "profiles" / "data.mdb").write_bytes(b"torn")
    back_up(DataDir(shop), tmp_path / "copy")
    with Server(tmp_path / "copy") as restored:
        assert values(restored) == {"count": acknowledged[0], "highest": acknowledged[0]}


@pytest.mark.parametrize("where", ["shop/copy", "full"])
def test_a_place_that_is_in_use_is_refused_and_left_alone(tmp_path: Path, where: str) -> None:
    data = DataDir(tmp_path / "shop")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.txt").write_text("sun")
    with pytest.raises(StoreError, match="name a"):
        back_up(data, tmp_path / where)
    assert (tmp_path / "full" / "holiday.txt").read_text() == "sun"
    assert not (tmp_path / "shop" / "copy").exists()


def test_what_cannot_be_copied_leaves_nothing_behind(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "shop")
    data.log.mkdir()
    (data.log / "data.mdb").write_bytes(b"torn")
    with pytest.raises(StoreError, match="is damaged"):
        back_up(data, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
