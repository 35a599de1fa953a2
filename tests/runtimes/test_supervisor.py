"""Whole servers: what dies is started again, and what is told to stop leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conftest import Server, eventually
from process_shop import TP2, Shop, shop_event

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two web processes, for the tests that leave it as it was."""
    server = Server(tmp_path_factory.mktemp("server") / "data", "--workers", "2")
    yield server
    assert server.stop() == 0
    server.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(server: Server, module: str) -> list[int]:
    """The server's processes that run a module."""
    found = []
    for pid in server.processes()[1:]:
        try:
            if f"snowmelt.runtimes.{module}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                found.append(pid)
        except OSError:
            pass
    return found


def ended(server: Server) -> list[tuple[str, int]]:
    """Which children the supervisor saw ending so far, with their exit status."""
    rows = [json.loads(line) for line in server.log_file.read_text().splitlines() if line.startswith("{")]
    return [(row["child"], row["status"]) for row in rows if row["event"].startswith("process ended")]


def serve(data_dir: Path, *arguments: str) -> tuple[int, str, float]:
    """Exit status, standard error and seconds of a server that is not expected to come up."""
    started = time.monotonic()
    command = [sys.executable, "-m", "snowmelt", "serve", "--data-dir", str(data_dir), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=data_dir.parent)
    return done.returncode, done.stderr, time.monotonic() - started


def status(server: Server, path: str) -> int:
    try:
        return httpx.get(server.url + path, timeout=5).status_code
    except httpx.TransportError:
        return 0


def test_one_port_answers_it_all(running: Server) -> None:
    with httpx.Client(base_url=running.url) as client:
        assert (client.get("/health").status_code, client.get("/health").text) == (200, "ok")
        assert (client.get("/ready").status_code, client.get("/ready").text) == (200, "ready")
        metrics = client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain") and "snowmelt_log_head" in metrics.text
        assert client.get("/robots.txt").text.startswith("User-agent: *\nDisallow: /")
        assert client.get("/i?e=pv").headers["content-type"] == "image/gif"
        assert client.head("/i?e=pv").headers["content-length"] == "43"
        unknown = client.get("/unknown")
        assert (unknown.status_code, "/docs/" in unknown.json()["error"]) == (404, True)
        assert client.get("/docs/").status_code == 200
        assert client.get("/api/v1/registry/attribute_groups/").status_code == 401
        assert client.get("/api/v1/registry/attribute_groups/", headers=Shop("", running.token).auth).json() == []
        assert client.options(TP2, headers={"Origin": "https://a.example"}).status_code == 200
    assert len(children(running, "web")) == 2
    assert len(children(running, "engine_process")) == 1


def test_hostile_requests_are_answered_and_the_process_lives(running: Server) -> None:
    before = children(running, "web")
    with httpx.Client(base_url=running.url) as client:
        for headers in ({"X-Forwarded-For": "1" * 80_000}, {"X-Forwarded-For": b"\xff\xfe"}, {"Origin": b"\x80\x01"}):
            assert client.post(TP2, headers=headers, content=b"{}").status_code in (200, 400, 431)
        assert client.post(TP2, content=b"x" * 3 * 1024**2).status_code == 413
        assert client.get("/i?nuid=a%0d%0aX-Evil:%201").headers.get("x-evil") is None
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        for path in ("/i", "/health", "/nowhere", "/api/v1/x"):
            assert client.get(path, headers={**upgrade, "Sec-WebSocket-Version": "13"}).status_code < 500
    host, port = running.url.removeprefix("http://").split(":")
    head = running.metric("snowmelt_log_head")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(f"POST {TP2} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
    with socket.create_connection((host, int(port))) as garbage:
        garbage.sendall(b"\0\xff garbage\r\n\r\n")
        garbage.recv(1000)
    assert status(running, "/i?e=pv") == 200
    assert running.metric("snowmelt_log_head") == head + 1, "half a request is none"
    assert children(running, "web") == before


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    shop = Shop(server.url, server.token)
    shop.publish()
    shop.track([shop_event("u", "product_view")])

    (web,) = children(server, "web")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: children(server, "web") not in ([web], []), "a new web process")
    eventually(lambda: status(server, "/ready") == 200, "it answers")

    (web,) = children(server, "web")
    os.kill(web, signal.SIGTERM)
    eventually(lambda: ("web-0", 0) in ended(server), "a web process that is told to end finishes in good order")
    eventually(lambda: status(server, "/ready") == 200, "the next one answers")
    assert ("web-0", -9) in ended(server)

    (engine,) = children(server, "engine_process")
    os.kill(engine, signal.SIGSTOP)
    shop.track([shop_event("u", "product_view")])
    os.kill(engine, signal.SIGKILL)
    eventually(lambda: children(server, "engine_process") not in ([engine], []), "a new engine")
    eventually(lambda: status(server, "/ready") == 200, "it holds its lock")
    shop.track([shop_event("u", "product_view")])
    server.flush()
    assert shop.read(["u"]) == [(3, None, None)]

    # The supervisor itself: its children notice, and the next one takes over folder and port at once.
    everybody = server.processes()
    os.kill(everybody[0], signal.SIGKILL)
    server.process.wait()
    server.start()
    assert server.url == str(shop.http.base_url).rstrip("/")
    eventually(lambda: not any(map(is_alive, everybody)), "nobody of before is left")
    # Until then it may have been they who answered.
    eventually(lambda: status(server, "/ready") == 200, "the new server is ready")
    shop.track([shop_event("u", "product_view")])
    server.flush()
    assert shop.read(["u"]) == [(4, None, None)]
    shop.http.close()

    everybody = server.processes()
    assert len(everybody) == 3
    assert server.stop() == 0
    assert not any(map(is_alive, everybody))
    assert not (server.data_dir / "server.address").exists()
    assert not (server.data_dir / "profiles.in-use").exists(), "after a clean end the profiles can be trusted"
    server.close()


def test_a_second_server_on_the_same_folder_is_refused(running: Server) -> None:
    code, errors, seconds = serve(running.data_dir, "--port", "0")
    assert code == 1
    assert errors == (
        f"error: another server (process {running.processes()[0]}) uses {running.data_dir}: stop it, or choose "
        "another --data-dir\n"
    )
    assert seconds < 15
    assert status(running, "/ready") == 200


def test_a_port_in_use_is_named(running: Server, tmp_path: Path) -> None:
    port = running.url.rpartition(":")[2]
    code, errors, seconds = serve(tmp_path / "data", "--port", port)
    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use)" in errors
    assert "another --host or --port" in errors and "Traceback" not in errors
    assert seconds < 15
    code, errors, _ = serve(tmp_path / "data", "--port", "0", "--host", "no.such.host.invalid")
    assert code == 1
    assert "cannot listen on no.such.host.invalid" in errors and "another server" not in errors


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "registry.sqlite").write_bytes(b"something else" * 1_000)
    code, errors, _ = serve(data, "--port", "0")
    assert code == 1
    assert "registry.sqlite" in errors and "Traceback" not in errors
