"""API keys against a real server with two web processes: every process knows what any of them was told."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Server, eventually
from snowmelt.sdk.client import Signals
from snowmelt.sdk.errors import SignalsApiKeyError, SignalsForbiddenError

pytestmark = pytest.mark.process

READ = {"service": "ecom_attributes", "attribute_keys": {"domain_userid": ["somebody"]}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", "--workers", "2", "--log-level", "debug")
    yield running
    running.close()


def token_command(server: Server, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
    command = [sys.executable, "-m", "snowmelt", "token", *arguments, "--data-dir", str(server.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_key(server: Server, *options: str) -> dict[str, Any]:
    return dict(json.loads(token_command(server, "create", "--json", *options)))


def fetched(server: Server, key: dict[str, Any]) -> httpx.Response:
    url = f"{server.url}/api/msc/v1/organizations/{key['organization_id']}/credentials/v3/token"
    return httpx.get(url, headers={"X-API-Key-Id": key["id"], "X-API-Key": key["key"]})


def read(server: Server, token: str) -> httpx.Response:
    """Each time over a connection of its own, so that any process may take it."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{server.url}/api/v1/get-online-attributes", json=READ, headers=headers, timeout=20)


def web_processes(server: Server) -> list[int]:
    found = [pid for pid in server.processes() if b"snowmelt.runtimes.web" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 2
    return found


@contextmanager
def alone(server: Server, process: int) -> Iterator[None]:
    """While the other web process stands still, this one takes every request."""
    (other,) = set(web_processes(server)) - {process}
    os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(other, signal.SIGCONT)


def test_make_exchange_read_revoke(server: Server, shop: Any) -> None:
    key = new_key(server, "--role", "reader", "--name", "front end")
    first, second = web_processes(server)
    with alone(server, first):
        token = fetched(server, key).json()["accessToken"]
        assert read(server, token).status_code == 200
    with alone(server, second):
        assert read(server, token).json().keys() == read(server, server.token).json().keys()

    assert server.stop() == 0
    server.start()
    first, second = web_processes(server)
    for process in (first, second):
        with alone(server, process):
            assert read(server, token).status_code == 200
            assert read(server, key["key"]).status_code == 200
    eventually(lambda: json.loads(token_command(server, "list", "--json"))["last_used_at"], "the use was noted")

    token_command(server, "revoke", key["id"])
    for process in (first, second):
        with alone(server, process):
            for refused in (read(server, token), read(server, key["key"]), fetched(server, key)):
                assert refused.status_code == 401
                assert "revoked" in refused.json()["error"]
            assert read(server, server.token).status_code == 200


def test_our_client_needs_nothing_but_the_servers_address(server: Server, shop: Any) -> None:
    key = new_key(server, "--role", "reader")
    arguments = {
        "api_url": server.url,
        "api_key": key["key"],
        "api_key_id": key["id"],
        "org_id": key["organization_id"],
    }
    with Signals(**arguments | {"org_id": "elsewhere"}) as lost, pytest.raises(SignalsApiKeyError) as caught:
        lost.registry.list_services()
    assert key["organization_id"] in str(caught.value)
    with Signals(**arguments) as signals:
        values = signals.get_service_attributes("ecom_attributes", "domain_userid", "somebody")
        assert set(values.values()) == {None}
        with pytest.raises(SignalsForbiddenError, match="role writer"):
            signals.unpublish([signals.registry.get_service("ecom_attributes")])
        # A new signing secret makes every token unknown; the client fetches another one by itself.
        assert server.stop() == 0
        (server.data_dir / "signing.secret").unlink()
        server.start()
        assert signals.get_service_attributes("ecom_attributes", "domain_userid", "somebody") == values
        token_command(server, "revoke", key["id"])
        with pytest.raises(SignalsApiKeyError, match="revoked"):
            signals.get_service_attributes("ecom_attributes", "domain_userid", "somebody")


def test_secrets_are_private_and_in_no_log(server: Server, shop: Any) -> None:
    key = new_key(server, "--role", "writer")
    token = fetched(server, key).json()["accessToken"]
    for secret in (token, key["key"], server.token):
        assert read(server, secret).status_code == 200
        assert read(server, f"{secret}x").status_code == 401
        assert read(server, f"x{secret}").status_code == 401
    assert fetched(server, key | {"key": f"{key['key']}x"}).status_code == 401
    signing = server.data_dir / "signing.secret"
    assert stat.S_IMODE(signing.stat().st_mode) == 0o600
    assert server.stop() == 0
    log = server.log_file.read_text()
    for secret in (token, key["key"], signing.read_text().strip()):
        assert secret not in log
    # The line that says where the server is names the sandbox token, since nobody chose it.
    assert log.count(server.token) == 1
    stored = b"".join(
        path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file() and "log" not in path.parts
    )
    assert key["key"].encode() not in stored
    assert token.encode() not in stored
