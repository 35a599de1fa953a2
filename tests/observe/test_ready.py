"""`/ready` of a real server, under each condition that it speaks of; `/health` says ok under all of them."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from conftest import Server, eventually
from figures import COUNTS
from process_shop import TP2, Shop, shop_event

pytestmark = pytest.mark.process

SETTINGS = """
[ready]
lag_seconds = 0.5
engine_seconds = 2.0
[log]
map_size = 1048576
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that is soon found to be behind, with a small log."""
    running = Server(tmp_path / "data", settings=SETTINGS)
    yield running
    running.close()


def ready(server: Server) -> tuple[int, str]:
    """The answer of `/ready`; the process must answer `/health` whatever that says."""
    with httpx.Client(base_url=server.url, timeout=10) as client:
        assert (client.get("/health").status_code, client.get("/health").text) == (200, "ok")
        answer = client.get("/ready")
    return answer.status_code, answer.text


def becomes(server: Server, status: int, reason: str) -> None:
    """Wait until `/ready` says so; a reason is the beginning of one of its lines."""

    def says() -> bool:
        found, text = ready(server)
        return found == status and any(line.startswith(reason) for line in text.splitlines())

    eventually(says, f"{status} {reason}", 30)
    COUNTS["conditions of /ready that were made"] += 1


def test_ready_says_what_keeps_the_server(server: Server, shop: Shop) -> None:
    assert ready(server) == (200, "ready")
    engine = server.process_of("engine_process")
    os.kill(engine, signal.SIGSTOP)
    try:
        shop.track([shop_event("ann", "product_view")])
        becomes(server, 503, "events wait to be counted for ")
        becomes(server, 503, "the engine has not moved for ")
    finally:
        os.kill(engine, signal.SIGCONT)
    becomes(server, 200, "ready")
    assert shop.read(["ann"]) == [(1, None, None)], "what waited was counted"

    os.kill(engine, signal.SIGKILL)
    becomes(server, 503, "the engine is ")  # not running, or starting again
    becomes(server, 200, "ready")

    with closing(sqlite3.connect(server.data_dir / "registry.sqlite")) as registry:
        registry.execute("ALTER TABLE revision RENAME TO lost")
        becomes(server, 503, "the registry cannot be read")
        registry.execute("ALTER TABLE lost RENAME TO revision")
    becomes(server, 200, "ready")
    file = server.data_dir / "registry.sqlite"
    file.rename(file.with_suffix(".gone"))
    becomes(server, 503, "the registry cannot be read")
    file.with_suffix(".gone").rename(file)
    becomes(server, 200, "ready")

    for _ in range(40):
        answer = shop.http.post(TP2, content=b"x" * 50_000)
        if answer.status_code == 503:
            break
    assert answer.status_code == 503, "the log is full"
    becomes(server, 503, "the event log cannot be written")
    assert shop.read(["ann"]) == [(1, None, None)], "values can be read all the same"

    # Strangers may ask; what went wrong, and where, is for the log.
    assert str(server.data_dir) not in ready(server)[1]
    lines = [json.loads(line) for line in server.log_file.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] == "not ready"]
    assert {reason for line in told for reason in line["reasons"]} >= {
        "the engine has not moved",
        "events wait to be counted",
        "the registry cannot be read",
        "the event log cannot be written",
    }
    assert any("no such table: revision" in error for line in told for error in line["errors"])
    assert len([line for line in lines if line["event"] == "ready again"]) >= 4
