"""No secret in a log, an output, a command line or a file that is not made for it, whatever goes wrong."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from attacks import Asking
from conftest import Server
from process_shop import TP2, Shop
from snowmelt.settings import Settings

pytestmark = pytest.mark.process

CHOSEN = "a-sandbox-token-that-somebody-chose"
REGISTRY = "/api/v1/registry"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose token was chosen, that logs all it can."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)  # somebody made it, and not for its purpose
    (data / "snowmelt.toml").write_text("[engine]\ncommit_ms = 10.0\n")
    running = Server(data, "--log-level", "debug", "--workers", "2")
    yield running
    running.close()


def command(server: Server, *arguments: str) -> str:
    """What a command prints, on both ways."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
    done = subprocess.run(
        [sys.executable, "-m", "snowmelt", *arguments, "--data-dir", str(server.data_dir)],
        capture_output=True, text=True, env=environment, cwd=server.data_dir.parent, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def spoiled(secret: str) -> list[str]:
    """Almost the secret: what people send by mistake, and what should not be logged either."""
    return [f"{secret}x", f"x{secret}", f"Bearer {secret}", secret.upper()]


def send_everything(server: Server, secrets: dict[str, str], key: dict[str, Any]) -> None:
    """Requests that work, that are refused, and that break, with each secret in every place it might stray into."""
    with Asking(server.url) as asking:
        asking.event_hooks = {}  # what breaks is meant to
        for secret in secrets.values():
            for each in (secret, *spoiled(secret)):
                bearer = {"Authorization": f"Bearer {each}"}
                exchange = {"X-API-Key-Id": key["id"], "X-API-Key": each}
                for path in (f"{REGISTRY}/services", f"{REGISTRY}/nothing", "/api/v1/api_keys", "/docs", "/x", "/mcp"):
                    asking.get(path, headers=bearer | exchange)
                    asking.get(path, headers={"Authorization": f"Basic {each}"})
                asking.post(f"{REGISTRY}/services", content=b"{", headers=bearer)
                asking.post(f"{REGISTRY}/attribute_groups", json={"name": 1, "version": "x"}, headers=bearer)
                asking.post("/api/v1/get-online-attributes", json={"attributes": 1}, headers=bearer)
                asking.get(f"/api/v1/event_log?name=x&identifier=y&token={secret}", headers=bearer)
                asking.get(f"{REGISTRY}/services?access_token={secret}")
                asking.delete(f"/api/v1/api_keys/{secret}", headers=bearer)
                asking.get(f"/api/msc/v1/organizations/{secret}/credentials/v3/token", headers=exchange)
                # A client that was given the collector's path for the API's.
                asking.post(TP2, json={"schema": "nonsense"}, headers=bearer | exchange)
                asking.get("/i", headers=bearer | exchange)
                asking.get(f"{REGISTRY}/services", headers={"X-Request-ID": each, "traceparent": each})


def test_no_secret_is_where_it_should_not_be(server: Server) -> None:
    shop = Shop(server.url, server.token)
    shop.publish()
    shop.http.close()
    admin = {"Authorization": f"Bearer {server.token}"}
    with Asking(server.url) as asking:
        key = asking.post("/api/v1/api_keys", json={"role": "writer", "name": "n"}, headers=admin).json()
        exchange = f"/api/msc/v1/organizations/{key['organization_id']}/credentials/v3/token"
        jwt = asking.get(exchange, headers={"X-API-Key-Id": key["id"], "X-API-Key": key["key"]}).json()["accessToken"]
        signing = (server.data_dir / "signing.secret").read_text().strip()
        secrets = {"sandbox token": server.token, "API key": key["key"], "JWT": jwt, "signing secret": signing}
        send_everything(server, secrets, key)
        # A registry that breaks makes errors with tracebacks.
        with closing(sqlite3.connect(server.data_dir / "registry.sqlite")) as registry:
            registry.execute("ALTER TABLE services RENAME TO lost")
        asking.event_hooks = {}
        broken = asking.get(f"{REGISTRY}/services", headers={"Authorization": f"Bearer {jwt}"})
        assert broken.status_code == 500
        asking.event_hooks = {}
        send_everything(server, secrets, key)
        answered = broken.text
    printed = "".join(
        command(server, *arguments)
        for arguments in (
            ("doctor",),
            ("token", "list", "--json"),
            ("failed", "list", "--json"),
            ("get", "nothing", "domain_userid", "x", "--token", f"{key['key']}x"),
            ("get", "nothing", "domain_userid", "x", "--token", server.token),
        )
    )
    assert "registry.sqlite" in printed or "profiles can be read" in printed
    lines = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in server.processes())
    children = b"".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in server.processes()[1:])
    assert b"SNOWMELT_" not in children
    assert server.stop() == 0
    log = server.log_file.read_text()
    assert log.count('"request_failed"') >= 1 and "Traceback" in log
    # The line that says where the server is names the sandbox token, since nobody chose it.
    log = log.replace(f"token: {server.token} (again", "")
    meant = {"sandbox token": "sandbox.token", "signing secret": "signing.secret"}
    found = []
    for what, secret in secrets.items():
        places = {"log": log, "output": printed, "answer": answered}
        found += [(what, place) for place, text in places.items() if secret in text]
        found += [(what, "processes")] if secret.encode() in lines + children else []
        for path in server.data_dir.rglob("*"):
            if path.is_file() and path.name != meant.get(what) and secret.encode() in path.read_bytes():
                found.append((what, path.name))
    # Addresses are recorded as trackers send them, and none of them is one of a tracker.
    assert found == []


def test_files_are_for_their_user_alone(server: Server) -> None:
    """Also in a folder that others may look into, which doctor tells of."""
    shop = Shop(server.url, server.token)
    shop.publish()
    shop.http.close()
    others = [
        (str(path.relative_to(server.data_dir)), oct(path.stat().st_mode))
        for path in server.data_dir.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.name != "snowmelt.toml"
    ]
    assert others == []
    assert "chmod 700" in command(server, "doctor")
    server.data_dir.chmod(0o700)
    assert "chmod 700" not in command(server, "doctor")
    copy = server.data_dir.parent / "copy"
    command(server, "backup", str(copy))
    copied = [copy, *(path for path in copy.rglob("*") if path.name != "snowmelt.toml")]
    assert len(copied) > 5
    assert [path for path in copied if path.stat().st_mode & 0o077] == []


def test_settings_do_not_show_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_SANDBOX_TOKEN", CHOSEN)
    settings = Settings()
    assert settings.sandbox_token is not None and settings.sandbox_token.get_secret_value() == CHOSEN
    shown = (repr(settings), str(settings), f"{settings.sandbox_token}", settings.model_dump_json())
    assert CHOSEN not in "".join(shown) + json.dumps(settings.model_dump(mode="json"))


@pytest.mark.parametrize(
    "variables",
    [
        {"SNOWMELT_SANDBOX_TOKEN": CHOSEN, "SNOWMELT_PORT": "x"},
        {"SNOWMELT_SANDBOX_TOKEN": CHOSEN, "SNOWMELT_LOG": "{"},
        {"SNOWMELT_SANDBOX_TOKEN": CHOSEN, "SNOWMELT_HOST": "nowhere.invalid"},
        {"SNOWMELT_SANDBOX_TOKEN": CHOSEN, "SNOWMELT_TLS_CERT": "absent.pem"},
        {"SNOWMELT_SANDBOX_TOKEN": CHOSEN, "SNOWMELT_SANDBOX_TOKENS": CHOSEN},
    ],
)
def test_what_is_wrong_with_settings_is_told_without_the_token(tmp_path: Path, variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--until-eof"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=tmp_path, env=os.environ | variables, timeout=60,
    )  # fmt: skip
    assert CHOSEN not in done.stdout + done.stderr


def test_a_chosen_token_is_nowhere(tmp_path: Path) -> None:
    """Not even in the folder, nor in what the server hands on to its processes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--until-eof", "--data-dir", "data"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
        env=os.environ | {"SNOWMELT_SANDBOX_TOKEN": CHOSEN},
    )  # fmt: skip
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    said = next(line for line in lines if "ready at" in line)
    try:
        assert said.rstrip().endswith("token: as set")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        for pid in map(int, children):
            assert CHOSEN.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
            assert CHOSEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        rest, _ = process.communicate(timeout=30)
    assert CHOSEN not in rest
    assert [
        path for path in (tmp_path / "data").rglob("*") if path.is_file() and CHOSEN.encode() in path.read_bytes()
    ] == []
