"""What a stranger can make a web process hold, wait for or break: nothing that grows."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from attacks import Asking, answer_of, counted, dial, memory_mb, raw, status_of
from conftest import Server, eventually

pytestmark = pytest.mark.process

MB = 1024**2
HEAD = b"GET /health HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"
MAY_GROW_MB = 40
"""A read of each of a few connections, and what the allocator keeps."""

IMPATIENT = """
[http]
head_seconds = 0.5
body_seconds = 1.0
body_bytes_per_second = 100000
answer_seconds = 1.0
max_connections = 60
"""


def web_processes(server: Server) -> list[int]:
    return [pid for pid in server.processes() if b"snowmelt.runtimes.web" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits for nobody, and takes few."""
    data = tmp_path_factory.mktemp("impatient") / "data"
    data.mkdir(mode=0o700)
    (data / "snowmelt.toml").write_text(IMPATIENT)
    server = Server(data)
    yield server
    server.close()


def poured(url: str, first: bytes, piece: bytes, most: int) -> tuple[int, bytes]:
    """How many bytes a server took of an endless request before it hung up, and what it said."""
    sent = 0
    with dial(url) as connection:
        connection.settimeout(10)
        with suppress(ConnectionError):
            connection.sendall(first)
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
        answer = b""
        with suppress(TimeoutError):
            connection.settimeout(0.5)
            answer = answer_of(connection)
    counted(status_of(answer), repr(first))
    return sent, answer


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (HEAD + b"X: ", b"a" * 65_536),
        (HEAD, b"X-Abc: 1\r\n" * 6_000),
        (HEAD, b"A:\r\n" * 15_000),
        (HEAD + b"X:", b" " * 65_536),
        (b"GET /", b"a" * 65_536),
        (b"GET /i?", b"a" * 65_536),
        (b"X" * 10, b"X" * 65_536),
        (b"", b"\r\n" * 32_768),
        (CHUNKED % (b"/health", b"") + b"0\r\n", b"X-Abc: 1\r\n" * 6_000),
        (CHUNKED % (b"/health", b"") + b"0\r\nX: ", b"a" * 65_536),
        (CHUNKED % (b"/health", b"") + b"1;", b"a" * 65_536),
        (CHUNKED % (b"/health", b""), b"0" * 65_536),
        (b"", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000),
    ],
    ids=["one header", "many headers", "empty headers", "blanks", "path", "query", "method", "blank lines", "trailers",
         "one trailer", "chunk extension", "chunk size", "pipelined"],
)  # fmt: skip
def test_what_never_becomes_a_request_is_cut_off(running: Server, first: bytes, piece: bytes) -> None:
    """None of this reaches an application; before there were limits, 100 MB of headers took 1.3 GB of memory."""
    processes = web_processes(running)
    before = memory_mb(processes)
    sent, answer = poured(running.url, first, piece, 32 * MB)
    assert sent < 16 * MB  # what is under way in the buffers of both sides, and no more
    # An answer may be lost with what the client still sent, or belong to a request before.
    assert status_of(answer) in (0, 200, 400, 431), answer[:200]
    assert memory_mb(processes) - before < MAY_GROW_MB


@pytest.mark.parametrize("size", [65_000, 65_536])
@pytest.mark.parametrize("where", ["path", "query", "header", "headers", "token", "cookie"])
def test_heads_just_below_and_above_the_limit(running: Server, where: str, size: int) -> None:
    spoiled = {
        "path": b"GET /%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (b"a" * size),
        "query": b"GET /i?%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (b"a" * size),
        "header": HEAD + b"Connection: close\r\nX: %s\r\n\r\n" % (b"a" * size),
        "headers": HEAD + b"Connection: close\r\n" + b"X: %s\r\n" % (b"a" * (size // 100)) * 100 + b"\r\n",
        "token": b"GET /api/v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n"
        % (b"a" * size),
        "cookie": b"GET /i HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: sp=%s\r\n\r\n" % (b"a" * size),
    }[where]
    below = {"path": 404, "query": 400, "header": 200, "headers": 200, "token": 401, "cookie": 400}[where]
    assert status_of(raw(running.url, spoiled)) == (below if size == 65_000 else 431)


@pytest.mark.parametrize(("count", "status"), [(120, 200), (130, 431)])
def test_the_number_of_headers(running: Server, count: int, status: int) -> None:
    assert status_of(raw(running.url, HEAD + b"Connection: close\r\n" + b"X: 1\r\n" * count + b"\r\n")) == status


def test_no_route_takes_a_body_without_end(
    running: Server, route_table: Any, credentials: dict[str, str | None]
) -> None:
    """Chunked, so that no length tells; with a token that may do it, so that none is refused for that."""
    processes = web_processes(running)
    before = memory_mb(processes)
    token = f"Authorization: Bearer {running.token}\r\nAccept: application/json, text/event-stream\r\n".encode()
    json = b"Content-Type: application/json\r\n"
    for route in route_table.routes():
        if route.method not in ("POST", "PUT", "DELETE") and route.door != "runtime":
            continue
        start = CHUNKED % (route_table.filled(route.path).encode(), token + json)
        with dial(running.url) as connection, suppress(ConnectionError):
            connection.sendall(start.replace(b"POST", route.method.encode(), 1))
            for _ in range(160):  # 10 MB, more than any route takes
                connection.sendall(CHUNK)
            status = status_of(connection.recv(65_536))
            counted(status, str(route))
            assert status not in (401, 403)
            if route.door == "API" and route.method in ("POST", "PUT") and "/batch_source" not in route.path:
                # Pushing names its targets in the query, and waiting has nothing to say: neither looks at the body.
                others = {"/api/v1/interventions": 400, "/api/v1/testing/flush": 200}
                assert status == others.get(route.path, 413), route
    assert memory_mb(processes) - before < MAY_GROW_MB


@pytest.mark.parametrize("path", ["/a/b", "/api/v1/get-online-attributes", "/api/v1/registry/services"])
def test_a_length_that_is_too_long_is_refused_while_it_comes(running: Server, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {running.token}\r\n".encode()
    head += b"Content-Length: 9000000000\r\n\r\n"
    _, answer = poured(running.url, head, b" " * 65_536, 20 * MB)
    assert status_of(answer) in (0, 413)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_no_body_is_unpacked(running: Server, admin: Asking, encoding: str) -> None:
    """A small body that would unpack to a gigabyte stays small: nothing on the port unpacks."""
    import gzip

    bomb = gzip.compress(gzip.compress(b" " * 64 * MB, 9), 9)
    processes = web_processes(running)
    before = memory_mb(processes)
    for path in ("/a/b", "/api/v1/get-online-attributes", "/api/v1/registry/services", "/mcp"):
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        status = admin.post(path, content=bomb, headers=headers).status_code
        assert status == 200 if path == "/a/b" else status in (400, 406, 415, 422)
    assert memory_mb(processes) - before < MAY_GROW_MB


DEEP = 50_000
SHAPES: dict[str, bytes] = {
    "deep lists": b'{"attribute_keys": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep criteria": b'{"name":"x","criteria":' + b'{"all":[' * 5_000 + b"]}" * 5_000 + b"}",
    "many members": b"{" + b",".join(b'"m%d":1' % number for number in range(200_000)) + b"}",
    "many keys": b'{"service":"s","attribute_keys":{' + b",".join(b'"k%d":["i"]' % n for n in range(50_000)) + b"}}",
    "many identifiers": b'{"service":"s","attribute_keys":{"domain_userid":[' + b'"i",' * 300_000 + b'"i"]}}',
    "a long identifier": b'{"service":"s","attribute_keys":{"domain_userid":["' + b"i" * 7_000_000 + b'"]}}',
    "many attributes": b'{"attributes":[' + b'"a_v1:b",' * 300_000 + b'"a_v1:b"],"attribute_keys":{"user_id":["i"]}}',
    "a long number": b'{"version":' + b"9" * 1_000_000 + b"}",
    "a long name": b'{"name":"' + b"n" * 7_000_000 + b'"}',
    "not quite too many attributes": b'{"name":"n","attributes":[' + b'"a",' * 49_000 + b'"a"]}',
    "the same member": b"{" + b",".join(b'"a":1' for _ in range(300_000)) + b"}",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_json_breaks_a_route(admin: Asking, route_table: Any, shape: str) -> None:
    for route in route_table.routes():
        if route.door not in ("API", "agents") or route.method not in ("POST", "PUT"):
            continue
        if "/registry/" in route.path and not route.path.endswith(("/services", "/attribute_groups", "_plans")):
            continue  # they read bodies by the same function
        began = time.monotonic()
        answer = admin.request(
            route.method,
            route_table.filled(route.path),
            content=SHAPES[shape],
            headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
        )
        # Plans tell of what is wrong in their answer; waiting and publishing nothing need nothing.
        fine = route.path.endswith(("/flush", "publish", "_plans"))
        assert 400 <= answer.status_code < 500 or fine, (route, answer.status_code)
        assert time.monotonic() - began < 10
        assert len(answer.content) < MB


def test_a_collector_body_of_any_shape_is_acknowledged_and_judged_later(asking: Asking, running: Server) -> None:
    failed = running.metric("snowmelt_engine_payloads_total")
    for shape in SHAPES.values():
        status = asking.post("/com.snowplowanalytics.snowplow/tp2", content=shape,
                             headers={"Content-Type": "application/json"}).status_code  # fmt: skip
        assert status == (413 if len(shape) > 2 * MB else 200)
    sent = sum(len(shape) <= 2 * MB for shape in SHAPES.values())
    eventually(lambda: running.metric("snowmelt_engine_payloads_total") >= failed + sent, "the engine went on")
    assert running.metric("snowmelt_engine_event_errors_total") == 0


DRIBBLES: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "a byte": (b"G", b""),
    "half a header": (b"GET /health HTTP/1.1\r\n", b"a"),
    "headers": (b"GET /health HTTP/1.1\r\n", b"X: 1\r\n"),
    "blank lines": (b"", b"\r\n"),
    "blank lines after a request": (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
    "a body": (b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"a"),
    "no body": (b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b""),
    "chunks": (CHUNKED % (b"/a/b", b""), b"1\r\na\r\n"),
    "chunks for a page": (CHUNKED % (b"/health", b""), b"1\r\na\r\n"),
    "trailers": (CHUNKED % (b"/health", b"") + b"0\r\n", b"X: 1\r\n"),
    "trailers of an event": (CHUNKED % (b"/a/b", b"") + b"0\r\n", b"X: 1\r\n"),
    "a body without a token": (b"PUT /api/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"a"),
    "a second request": (HEAD + b"\r\n" + b"GET /he", b"a"),
}
"""What is sent at once, and what then comes a little at a time, without end."""


def test_who_dribbles_is_cut_off(impatient: Server) -> None:
    """All at once, as somebody would who wants to hold every connection."""
    with ExitStack() as held:
        left = {}
        for name, (first, piece) in DRIBBLES.items():
            connection = held.enter_context(dial(impatient.url))
            connection.sendall(first)
            connection.setblocking(False)
            left[name] = connection, piece

        def all_cut() -> bool:
            for name, (connection, piece) in list(left.items()):
                try:
                    connection.send(piece)
                    gone = not connection.recv(65_536)
                except BlockingIOError:
                    gone = False
                except ConnectionError:
                    gone = True
                if gone:
                    counted(0, name)
                    del left[name]
            return not left

        end = time.monotonic() + 15
        while not all_cut() and time.monotonic() < end:
            time.sleep(0.02)  # between one byte and the next
        assert list(left) == []


def test_a_body_that_keeps_its_pace_is_taken_however_long_it_lasts(impatient: Server) -> None:
    """Three times ``body_seconds``, at twice the pace that it must keep."""
    with dial(impatient.url) as connection:
        connection.sendall(b"POST /a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 600000\r\n\r\n")
        began = time.monotonic()
        for number in range(60):
            time.sleep(max(0.0, began + number * 0.05 - time.monotonic()))
            connection.sendall(b"a" * 10_000)
        assert counted(status_of(answer_of(connection)), "a long body") == 200


def test_who_does_not_read_an_answer_is_cut_off(impatient: Server) -> None:
    """Its connection ends; what waited for it is freed."""
    with dial(impatient.url) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n" * 8)

        def ended() -> bool:
            try:
                connection.send(b"GET / HTTP/1.1\r\n")
            except ConnectionError:
                return True
            except TimeoutError:
                return False
            return False

        connection.settimeout(0.05)
        eventually(ended, "the connection was cut")


def test_connections_are_counted_and_one_too_many_is_told_so(impatient: Server) -> None:
    """Whoever holds them all open keeps others out for no longer than a request may take."""
    with ExitStack() as held:
        connections = [held.enter_context(dial(impatient.url)) for _ in range(100)]
        with dial(impatient.url) as late:
            answer = answer_of(late)
        assert counted(status_of(answer), "one too many") == 503
        assert b"retry-after: 5" in answer
        with Asking(impatient.url) as asking:

            def served() -> bool:
                try:
                    return asking.get("/health").status_code == 200
                except Exception:
                    return False

            eventually(served, "there was room again")
        assert connections


def test_few_open_files_are_survived(tmp_path: Path) -> None:
    """With connections to the limit that the system sets, the process goes on, and takes others afterwards."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        data = tmp_path / "data"
        data.mkdir(mode=0o700)
        (data / "snowmelt.toml").write_text("[http]\nhead_seconds = 1.0\n")
        server = Server(data)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        (web,) = web_processes(server)
        resource.prlimit(web, resource.RLIMIT_NOFILE, (200, 200))
        with ExitStack() as held:
            for _ in range(400):
                held.enter_context(dial(server.url))
            with Asking(server.url) as asking:

                def tracked() -> bool:
                    try:
                        return asking.get("/i?e=pv&p=web").status_code == 200
                    except Exception:
                        return False

                eventually(tracked, "events are taken again")
        assert web_processes(server) == [web]
    finally:
        server.close()
