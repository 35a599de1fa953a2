"""The disk fills up under load: 503 and never a lie, and on it goes as soon as there is room."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import pytest

from conftest import Server, eventually
from disks import fill, may_mount, small_disk
from fault_figures import IS_LONG, tell
from storm import PATIENCE, STORM, Storm

pytestmark = pytest.mark.process

USERS = [str(uuid.UUID(int=number)) for number in range(50)]
RATE = 400 if IS_LONG else 200


def refused(storm: Storm) -> int:
    return storm.statuses.counts[503]


def takes_or_refuses_definitions(server: Server, name: str) -> None:
    """Publishing has room that LMDB and SQLite find in their files, or is answered 503 with what to do."""
    path, token = "/api/v1/registry/attribute_groups/", {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=server.url, headers=token, trust_env=False, timeout=30) as http:
        answer = http.post(path, json={**STORM, "name": name})
        if answer.status_code != 201:
            assert answer.status_code == 503 and "epeat the call" in answer.json()["detail"], answer.text
        assert http.get(path).status_code == 200


def go_through_full_disk(server: Server, disk: Path) -> None:
    """Fill the disk under load, hurt the engine meanwhile, make room, and compare everything."""
    storm = Storm(server, seed=1)
    began = time.monotonic()
    try:
        storm.publish()
        # Without any room at once; then with so little that the events fill it.
        for left in (0, 400_000) if IS_LONG else (0,):
            storm.blow(USERS, RATE)
            storm.go_on()
            fill(disk / "ballast", left)
            before = refused(storm)
            eventually(lambda at=before: refused(storm) > at + 20, "requests are refused", PATIENCE)
            os.kill(server.process_of("engine_process"), signal.SIGKILL)
            eventually(lambda at=before: refused(storm) > at + 100, "requests are refused, and nothing else", PATIENCE)
            takes_or_refuses_definitions(server, f"no_room_{left}")
            (disk / "ballast").unlink()
            storm.go_on()
            storm.calm()
        storm.judge.compare(USERS)
        assert storm.judge.differences == []
        assert set(storm.statuses.counts) <= {200, 503}, storm.statuses.counts
        tell(
            "full disk",
            times=1,
            events_acknowledged=storm.acknowledged,
            events_compared=storm.ledger.events,
            values_compared=storm.judge.values,
            differences=0,
            requests_tried=storm.statuses.counts.total(),
            requests_refused_with_503=refused(storm),
            requests_answered_5xx_but_503=storm.statuses.faults,
            seconds=round(time.monotonic() - began),
        )
    finally:
        storm.close()


def starts_later(server: Server, disk: Path) -> None:
    """Told to start while there is no room, it says so, and can be started when there is."""
    assert server.stop() == 0
    fill(disk / "ballast")
    command = [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=disk.parent)
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert any("free disk space" in line for line in told), done.stderr
    (disk / "ballast").unlink()
    server.start()
    assert server.metric("snowmelt_engine_lag_seconds") == 0


@pytest.mark.parametrize("what", ["everything", "the log"] if IS_LONG else ["everything"])
def test_a_disk_fills_up(tmp_path: Path, request: pytest.FixtureRequest, what: str) -> None:
    if not may_mount(request):
        return
    with small_disk(tmp_path / "disk", 24) as disk:
        data = disk / "data" if what == "everything" else tmp_path / "data"
        data.mkdir()
        # Without the floor below which trackers are refused already: the disk itself is to say no.
        (data / "snowmelt.toml").write_text("[collector]\nmin_free_bytes = 0\n")
        if what == "the log":
            (data / "log").symlink_to(disk)
        server = Server(data)
        try:
            go_through_full_disk(server, disk)
            if IS_LONG and what == "everything":
                starts_later(server, disk)
        finally:
            server.close()
