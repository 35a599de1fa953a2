"""A server that is told to stop finishes what was begun, and what it has answered is on the disk."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from conftest import Server, eventually
from pipeline_rows import PAGE_VIEW, TP2, payload_data
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.stores.event_log import EventLog, Kind, decode_payload

pytestmark = pytest.mark.process


def half_sent(url: str, body: bytes) -> socket.socket:
    """A request of which the server has everything but the last byte of the body."""
    connection = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=20)
    head = f"POST {TP2} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body[:-1])
    return connection


def recorded(data_dir: Path) -> list[str]:
    """The app ids of all events in the log of a server that has stopped."""
    log = EventLog(DataDir(data_dir).log)
    payloads = [decode_payload(record.body) for record in log.follow() if record.kind is Kind.PAYLOAD]
    log.close()
    return [event["aid"] for payload in payloads for event in json.loads(payload.body or b"").get("data", [])]


def refuses(url: str) -> bool:
    """Whether nobody listens any more."""
    try:
        socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=20).close()
    except ConnectionRefusedError:
        return True
    return False


def test_requests_in_flight_are_answered_and_on_disk(server: Any) -> None:
    bodies = [payload_data(PAGE_VIEW | {"aid": f"shop-{number}"}) for number in range(20)]
    connections = [half_sent(server.url, body) for body in bodies]
    # They were sent before this one, so that the server has them when this one is answered.
    assert httpx.post(f"{server.url}{TP2}", content=b"{}").status_code == 200
    os.kill(server.process.pid, signal.SIGTERM)
    eventually(lambda: refuses(server.url), "the server listens no more")
    for connection, body in zip(connections, bodies, strict=True):
        connection.sendall(body[-1:])
    answers = [connection.recv(4096) for connection in connections]
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    assert server.process.wait(20) == 0
    for connection in connections:
        connection.close()
    assert sorted(recorded(server.data_dir)) == sorted(f"shop-{number}" for number in range(20))


def test_a_load_balancer_can_be_given_time_to_notice(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    # The server is started in its data folder, and reads its settings there.
    (folder / "snowmelt.toml").write_text("[collector]\npre_termination_seconds = 2\nidle_seconds = 1\n")
    server = Server(folder)
    try:
        with socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port), timeout=20) as idle:
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while piece := idle.recv(4096):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200"), "and then it was closed, as it was idle"
        os.kill(server.process.pid, signal.SIGTERM)
        for number in range(5):
            answer = httpx.post(
                f"{server.url}{TP2}",
                content=payload_data(PAGE_VIEW | {"aid": f"late-{number}"}),
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 200
        assert server.process.poll() is None
        assert server.process.wait(20) == 0
        assert recorded(folder) == [f"late-{number}" for number in range(5)]
    finally:
        server.close()
