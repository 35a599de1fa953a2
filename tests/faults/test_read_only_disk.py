"""A disk that lets nobody write: the server refuses to start, or refuses events, and loses none."""

import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from conftest import Server, eventually
from disks import FailingDisk, may_mount, read_only
from fault_figures import IS_LONG, tell
from storm import PATIENCE, Storm

pytestmark = pytest.mark.process

USERS = [str(uuid.UUID(int=number)) for number in range(50)]


@pytest.mark.parametrize("when", ["at the start", "at the first start", "while events come"][: 3 if IS_LONG else 1])
def test_nobody_can_write(tmp_path: Path, request: pytest.FixtureRequest, when: str) -> None:
    if not may_mount(request):
        return
    if when == "while events come":
        becomes_read_only(tmp_path)
    else:
        does_not_start(tmp_path, is_new=when == "at the first start")


def does_not_start(tmp_path: Path, *, is_new: bool) -> None:
    (tmp_path / "disk").mkdir()
    folder = tmp_path / "disk" / "data"
    if not is_new:
        folder.mkdir()
    with read_only(tmp_path / "disk"):
        command = [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: the data folder {folder} ") and "--data-dir" in line
    tell("read-only disk", starts_refused=1)


def becomes_read_only(tmp_path: Path) -> None:
    began = time.monotonic()
    disk = FailingDisk(tmp_path / "image", tmp_path / "disk", 64)
    server = Server(tmp_path / "disk" / "data")
    storm = Storm(server, seed=2)
    try:
        storm.publish()
        storm.blow(USERS, 200)
        storm.go_on()
        disk.fail()
        eventually(lambda: storm.statuses.counts[503] > 50, "requests are refused", PATIENCE)
        # Values can be read as long as nothing has to be started again.
        storm.judge.ask(USERS)
        server.stop()
        disk.unmount()
        disk.mount()  # as mended, and perhaps checked
        server.start()
        storm.go_on()
        storm.calm()
        storm.judge.compare(USERS)
        assert storm.judge.differences == []
        assert set(storm.statuses.counts) <= {0, 200, 503}
        tell(
            "read-only disk",
            events_acknowledged=storm.acknowledged,
            events_compared=storm.ledger.events,
            values_compared=storm.judge.values,
            differences=0,
            requests_tried=storm.statuses.counts.total(),
            requests_refused_with_503=storm.statuses.counts[503],
            requests_answered_5xx_but_503=storm.statuses.faults,
            seconds=round(time.monotonic() - began),
        )
    finally:
        storm.close()
        server.close()
        disk.unmount()
