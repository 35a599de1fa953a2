"""Backups of a server under load, restored: right to the event; and what is not as it was backed up is refused."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import Server, eventually
from figures import COUNTS
from process_shop import PAYLOAD_DATA, TP2, Shop
from snowmelt.runtimes.backup import back_up
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.manifest import MANIFEST
from snowmelt.runtimes.restore import restore
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind, decode_payload

SECONDS = float(os.environ.get("SNOWMELT_RESTORE_SECONDS", "1"))
"""How long events come before, between and after the backups."""
BACKUPS = int(os.environ.get("SNOWMELT_RESTORE_BACKUPS", "1"))
SENDERS, EVENTS_A_SECOND, TOGETHER = 5, 500, 10
VISITORS = [str(uuid4()) for _ in range(40)]
GROUP: dict[str, Any] = {
    "name": "numbered",
    "version": 1,
    "owner": "a@example.com",
    "is_published": True,
    "attribute_key": {"name": "domain_userid"},
    "attributes": [
        {"name": "count", "type": "int64", "aggregation": "counter", "events": []},
        {
            "name": "total",
            "type": "int64",
            "aggregation": "sum",
            "events": [],
            "property": {"type": "atomic", "name": "se_value"},
        },
    ],
}
Values = dict[str, tuple[int, int]]


class Load:
    """Numbered events of many visitors at a steady pace, each acknowledged one remembered."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        self.acknowledged: list[list[tuple[str, int]]] = [[] for _ in range(SENDERS)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def count(self) -> int:
        return sum(map(len, self.acknowledged))

    def _send(self, sender: int) -> None:
        pace = SENDERS * TOGETHER / EVENTS_A_SECOND
        due = time.monotonic()
        number = 0
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._stop.wait(max(due - time.monotonic(), 0)):
                due += pace
                batch = [(VISITORS[(number + one) % len(VISITORS)], number + one + 1) for one in range(TOGETHER)]
                number += TOGETHER
                data = [
                    {"e": "se", "p": "web", "tv": "t", "eid": str(uuid4()), "duid": visitor, "se_ca": "a"}
                    | {"se_ac": "b", "se_va": str(value)}
                    for visitor, value in batch
                ]
                client.post(TP2, json={"schema": PAYLOAD_DATA, "data": data}).raise_for_status()
                self.acknowledged[sender] += batch

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def plain_count(folder: Path) -> Values:
    """What the requests in a folder's event log make of each visitor, counted plainly."""
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    with closing(EventLog(folder / "log")) as log:
        for record in log.follow():
            if record.kind is Kind.PAYLOAD:
                for event in json.loads(decode_payload(record.body).body or b"{}")["data"]:
                    counts[event["duid"]] += 1
                    totals[event["duid"]] += int(event["se_va"])
    return {visitor: (counts[visitor], totals[visitor]) for visitor in counts}


def values(server: Server) -> Values:
    """What the server says of each visitor, once all is counted."""
    server.flush(60)
    body = {
        "attributes": ["numbered_v1:count", "numbered_v1:total"],
        "attribute_keys": {"domain_userid": VISITORS},
    }
    auth = {"Authorization": f"Bearer {server.token}"}
    columns = (
        httpx.post(f"{server.url}/api/v1/get-online-attributes", json=body, headers=auth).raise_for_status().json()
    )
    rows = zip(VISITORS, columns["count"], columns["total"], strict=True)
    return {visitor: (count, total) for visitor, count, total in rows if count is not None}


def compare(found: Values, wanted: Values) -> None:
    COUNTS["restore: events compared"] += sum(count for count, _ in wanted.values())
    different = [visitor for visitor in wanted | found if wanted.get(visitor) != found.get(visitor)]
    COUNTS["differences after a restore"] += len(different)
    assert not different


@contextmanager
def published(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        with closing(Shop(server.url, server.token).http) as http:
            auth = {"Authorization": f"Bearer {server.token}"}
            answer = http.post("/api/v1/registry/attribute_groups/", json=GROUP, headers=auth)
            assert answer.status_code == 201, answer.text
        server.flush()
        yield server
    finally:
        server.close()


@pytest.mark.process
def test_a_backup_under_load_is_restored_to_the_event(tmp_path: Path) -> None:
    floors: list[Counter[str]] = []
    started = time.monotonic()
    with published(tmp_path / "shop") as server, Load(server) as load:
        for number in range(BACKUPS):
            seen = load.count()
            eventually(lambda seen=seen: load.count() >= seen + SECONDS * EVENTS_A_SECOND, "events come", 600)  # type: ignore[misc]
            floors.append(Counter(visitor for each in load.acknowledged for visitor, _ in list(each)))
            back_up(DataDir(server.data_dir), tmp_path / f"copy-{number}")
        seconds = time.monotonic() - started
    COUNTS["restore: events a second that came meanwhile"] = int(load.count() / seconds)
    for number, least in enumerate(floors):
        target = tmp_path / f"restored-{number}"
        manifest = restore(tmp_path / f"copy-{number}", target)
        COUNTS["backups restored"] += 1
        assert not (target / MANIFEST).exists()
        counted = plain_count(target)
        assert all(counted[visitor][0] >= count for visitor, count in least.items()), "an acknowledged one is missing"
        running = Server(target)
        try:
            assert running.token == server.token
            assert running.metric("snowmelt_log_head") >= manifest.head
            compare(values(running), counted)
            # It goes on from there.
            with Load(running) as more:
                eventually(lambda more=more: more.count() >= 200, "more events come", 60)  # type: ignore[misc]
            for visitor, value in (pair for each in more.acknowledged for pair in each):
                count, total = counted.get(visitor, (0, 0))
                counted[visitor] = count + 1, total + value
            compare(values(running), counted)
        finally:
            running.close()


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small backup."""
    folder = tmp_path_factory.mktemp("backup")
    data = DataDir(folder / "shop")
    with closing(EventLog(data.log)) as log:
        log.append([(Kind.EVENTS, 1_000 + place, b"{}") for place in range(51)])
        log.rewrite(lambda record: None if record.sequence == 20 else bytes(record.body))  # as an erasure may
    data.signing_secret()
    back_up(data, folder / "copy")
    return folder / "copy"


def copied(backup: Path, folder: Path) -> Path:
    """One that may be spoiled."""
    subprocess.run(["cp", "-a", str(backup), str(folder / "copy")], check=True)
    return folder / "copy"


def test_what_is_restored_is_what_was_backed_up(backup: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snowmelt", "restore", str(backup), "--data-dir", str(tmp_path / "shop")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 files are as they were backed up, the event log is whole up to 51" in done.stdout
    for name in ("log/data.mdb", "signing.secret"):
        assert (tmp_path / "shop" / name).read_bytes() == (backup / name).read_bytes()
    assert [path for path in (tmp_path / "shop").rglob("*") if path.stat().st_mode & 0o077] == []
    again = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 1 and "name a new one for the data folder" in again.stderr


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


SPOILED: dict[str, tuple[Any, str]] = {
    "a changed bit": (lambda copy: flip(copy / "log" / "data.mdb"), "is not what was backed up"),
    "a cut end": (lambda copy: os.truncate(copy / "log" / "data.mdb", 4096), "is not what was backed up"),
    "a missing file": (lambda copy: (copy / "signing.secret").unlink(), "lacks signing.secret"),
    "a file that nobody knows": (lambda copy: (copy / "more.txt").write_text("x"), "holds more.txt"),
    "no manifest": (lambda copy: (copy / MANIFEST).unlink(), "is no backup"),
    "half a manifest": (lambda copy: os.truncate(copy / MANIFEST, 40), "cannot be read"),
    "a path that leads out": (
        lambda copy: (copy / MANIFEST).write_text((copy / MANIFEST).read_text().replace("signing.", "../../signing.")),
        "lacks ../../signing.secret",
    ),
    "another end": (
        lambda copy: (copy / MANIFEST).write_text((copy / MANIFEST).read_text().replace('"head": 51', '"head": 52')),
        "has 50 records up to 51, .* says 50, 52 and 0",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_backup_is_refused_and_leaves_nothing(backup: Path, tmp_path: Path, name: str) -> None:
    copy = copied(backup, tmp_path)
    spoil, reason = SPOILED[name]
    spoil(copy)
    with pytest.raises(StoreError, match=reason):
        restore(copy, tmp_path / "shop")
    assert not (tmp_path / "shop").exists()
    COUNTS["spoiled backups refused"] += 1


def test_a_place_that_is_in_use_is_left_alone(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.txt").write_text("sun")
    for target in (tmp_path / "full", backup / "shop"):
        with pytest.raises(StoreError, match="name a"):
            restore(backup, target)
    assert (tmp_path / "full" / "holiday.txt").read_text() == "sun" and not (backup / "shop").exists()
