"""Clients as a whole: keys, connections, time limits, closing."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from snowmelt.definitions import AttributeKey
from snowmelt.sdk.client import Signals, SignalsSandbox
from snowmelt.sdk.errors import SignalsApiKeyError, SignalsConnectionError, SignalsForbiddenError, SignalsTimeoutError
from snowmelt.sdk.retry import Retry

TOKEN_PATH = "/api/msc/v1/organizations/org-1/credentials/v3/token"
KEY: dict[str, Any] = {"api_key": "secret", "api_key_id": "key-1", "org_id": "org-1"}


def jwt(seconds: float) -> dict[str, str]:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time() + seconds)}).encode()).rstrip(b"=")
    return {"accessToken": f"e30.{claims.decode()}.c2ln"}


def read(signals: Any) -> Any:
    return signals.get_service_attributes("shop", "user_id", "u1")


def test_a_key_is_turned_into_a_token_once(talk: Any, script: Any) -> None:
    token = jwt(3600)
    server = script(token, {"a": [1]}, {"a": [2]})
    assert talk.with_key(server, read, read) == {"a": 2}
    assert server.lines == [f"GET {TOKEN_PATH}"] + ["POST /api/v1/get-online-attributes"] * 2
    asked_for_token, first, second = server.asked
    assert asked_for_token.headers["x-api-key"] == "secret"
    assert asked_for_token.headers["x-api-key-id"] == "key-1"
    assert "authorization" not in asked_for_token.headers
    assert first.headers["authorization"] == second.headers["authorization"] == f"Bearer {token['accessToken']}"
    assert "x-api-key" not in first.headers


def test_an_expired_token_is_renewed(talk: Any, script: Any) -> None:
    server = script(jwt(-1), {"a": [1]}, jwt(3600), {"a": [2]}, {"a": [3]})
    assert talk.with_key(server, read, read, read) == {"a": 3}
    assert [one.path == TOKEN_PATH for one in server.asked] == [True, False, True, False, False]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_an_error_that_says_so(talk: Any, script: Any, status: int) -> None:
    server = script(httpx.Response(status, json={"error": "unknown key"}))
    with pytest.raises(SignalsApiKeyError, match="unknown key") as caught:
        talk.with_key(server, read)
    assert len(server.asked) == 1
    assert caught.value.status_code == status
    assert "snowmelt token list" in str(caught.value)


def test_a_key_that_is_revoked_in_between_is_an_error_after_one_more_try(talk: Any, script: Any) -> None:
    server = script(jwt(3600), {"a": [1]}, 401, httpx.Response(401, json={"error": "the key was revoked"}))
    with pytest.raises(SignalsApiKeyError, match="the key was revoked"):
        talk.with_key(server, read, read)
    assert [one.path == TOKEN_PATH for one in server.asked] == [True, False, False, True]


def test_a_role_that_is_too_small_is_no_reason_to_ask_again(talk: Any, script: Any) -> None:
    server = script(jwt(3600), httpx.Response(403, json={"error": "This needs the role writer"}))
    with pytest.raises(SignalsForbiddenError, match="role writer"):
        talk.with_key(server, read)
    assert len(server.asked) == 2


def test_a_redirect_is_explained_and_not_followed(talk: Any, script: Any) -> None:
    server = script(httpx.Response(307, headers={"Location": "https://elsewhere.test/"}))
    with pytest.raises(Exception, match=r"redirects to 'https://elsewhere\.test/'"):
        talk(server, read)
    assert len(server.asked) == 1


def test_a_client_of_ones_own_is_left_open() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"a": [1]}))) as own:
        with SignalsSandbox(api_url="http://x", sandbox_token="t", http_client=own) as signals:
            assert read(signals) == {"a": 1}
        assert not own.is_closed


def test_a_closed_client_has_closed_its_connections() -> None:
    signals = Signals(api_url="http://x", **KEY)
    signals.close()
    with pytest.raises(RuntimeError, match="closed"):
        read(signals)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    clients: set[tuple[str, int]]
    calls: int
    slow: threading.Event

    def do_POST(self) -> None:
        server = type(self)
        server.calls += 1
        server.clients.add(self.client_address)
        self.rfile.read(int(self.headers["content-length"]))
        if "drop" in self.headers["authorization"] and server.calls == 1:
            self.close_connection = True
            return
        if "slow" in self.headers["authorization"]:
            self.slow.wait(10)
        body = b'{"a": [1]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def http() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Fresh", (Handler,), {"clients": set(), "calls": 0, "slow": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    handler.slow.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_connections_are_kept(http: tuple[str, type[Handler]]) -> None:
    url, handler = http
    with SignalsSandbox(api_url=url, sandbox_token="t") as signals:
        for _ in range(5):
            assert read(signals) == {"a": 1}
    assert (handler.calls, len(handler.clients)) == (5, 1)


def test_a_dropped_connection_is_tried_again_for_a_read(http: tuple[str, type[Handler]]) -> None:
    url, handler = http
    with SignalsSandbox(api_url=url, sandbox_token="drop", retry=Retry(first_delay=0)) as signals:
        assert read(signals) == {"a": 1}
    assert handler.calls == 2


def test_a_dropped_connection_is_an_error_for_a_write(http: tuple[str, type[Handler]]) -> None:
    url, handler = http
    with (
        SignalsSandbox(api_url=url, sandbox_token="drop", retry=Retry(first_delay=0)) as signals,
        pytest.raises(SignalsConnectionError),
    ):
        signals.publish([AttributeKey(name="k", key="user_id")])
    assert handler.calls == 1


def test_a_slow_answer_ends_at_the_time_limit(http: tuple[str, type[Handler]]) -> None:
    url, handler = http
    with (
        SignalsSandbox(api_url=url, sandbox_token="slow", timeout=0.05) as signals,
        pytest.raises(SignalsTimeoutError),
    ):
        read(signals)
    assert handler.calls == 1


def test_a_server_that_does_not_run_is_asked_about() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            SignalsSandbox(api_url=url, sandbox_token="t", retry=Retry(retries=1, first_delay=0)) as signals,
            pytest.raises(SignalsConnectionError, match=f"Is `snowmelt serve` running at {url}"),
        ):
            read(signals)
