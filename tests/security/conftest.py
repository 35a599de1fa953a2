"""One server for the requests of all tests here that need none of their own."""

import base64
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import jwt
import pytest

from attacks import STATUSES, Asking
from conftest import Server, eventually
from process_shop import Shop

ROOT = Path(__file__).resolve().parents[2]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was tried, where it was tried in this process."""
    if STATUSES:
        failures = sum(count for status, count in STATUSES.items() if status >= 500 and status not in (501, 503))
        by_status = ", ".join(f"{status or 'cut'}: {count}" for status, count in sorted(STATUSES.items()))
        terminalreporter.write_line(f"requests tried: {STATUSES.total()}; by status: {by_status}")
        terminalreporter.write_line(f"5xx but 501 (not there yet) and 503 (asked for): {failures}")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the tutorial published, that logs all it can."""
    server = Server(tmp_path_factory.mktemp("security") / "data", "--log-level", "debug")
    shop = Shop(server.url, server.token)
    shop.publish()
    shop.http.close()
    yield server
    server.close()


@pytest.fixture(scope="session")
def asking(running: Server) -> Iterator[Asking]:
    """Somebody without a token."""
    with Asking(running.url) as client:
        yield client


@pytest.fixture(scope="session")
def admin(running: Server) -> Iterator[Asking]:
    """The holder of the sandbox token."""
    with Asking(running.url, headers={"Authorization": f"Bearer {running.token}"}) as client:
        yield client


MakeKey = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def make_key(admin: Asking) -> MakeKey:
    """Makes an API key over HTTP."""

    def make(role: str, **more: Any) -> dict[str, Any]:
        made = admin.post("/api/v1/api_keys", json={"role": role, "name": "a test's", **more})
        assert made.status_code == 201, made.text
        return dict(made.json())

    return make


@pytest.fixture(scope="session")
def exchange(asking: Asking) -> Callable[[dict[str, Any]], str]:
    """Fetches the token of a key."""

    def fetch(key: dict[str, Any]) -> str:
        path = f"/api/msc/v1/organizations/{key['organization_id']}/credentials/v3/token"
        answer = asking.get(path, headers={"X-API-Key-Id": key["id"], "X-API-Key": key["key"]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["accessToken"])

    return fetch


@pytest.fixture(scope="session")
def credentials(
    running: Server, asking: Asking, admin: Asking, make_key: MakeKey, exchange: Callable[[dict[str, Any]], str]
) -> dict[str, str | None]:
    """What a request may bring, under the names of the documents' table; None is nothing."""
    secret = (running.data_dir / "signing.secret").read_text().strip()
    reader, writer, administrator = (make_key(role) for role in ("reader", "writer", "admin"))
    of_reader = exchange(reader)
    revoked = make_key("admin")
    of_revoked = exchange(revoked)
    assert admin.delete(f"/api/v1/api_keys/{revoked['id']}").status_code in (200, 204)
    ended = make_key("admin", expires_at=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    claims = jwt.decode(of_reader, options={"verify_signature": False})
    head, _, signature = of_reader.split(".")
    made = {
        "none": None,
        "garbage": "garbage",
        "an API key that there is not": f"{reader['key'][:-4]}AAAA",
        "a revoked API key": revoked["key"],
        "an expired API key": ended["key"],
        "JWT of a revoked API key": of_revoked,
        "JWT, expired": jwt.encode(claims | {"exp": int(time.time()) - 1}, secret, "HS256"),
        "JWT without an end": jwt.encode({name: claims[name] for name in claims if name != "exp"}, secret, "HS256"),
        "JWT of another secret": jwt.encode(claims, "x" * 43, "HS256"),
        "JWT of another organization": jwt.encode(claims | {"org": "elsewhere"}, secret, "HS256"),
        "JWT with alg none": jwt.encode(claims, None, "none"),
        "JWT of a reader that says admin": f"{head}.{_base64(claims | {'role': 'admin'})}.{signature}",
        "API key of a reader": reader["key"],
        "JWT of a reader": of_reader,
        "API key of a writer": writer["key"],
        "API key of an admin": administrator["key"],
        "sandbox token": running.token,
    }
    bearer = {"Authorization": f"Bearer {ended['key']}"}
    eventually(lambda: asking.get("/api/v1/api_keys", headers=bearer).status_code == 401, "the key expired")
    return made


def _base64(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="session")
def route_table() -> ModuleType:
    """``scripts/route_table.py`` as a module."""
    spec = importlib.util.spec_from_file_location("route_table", ROOT / "scripts" / "route_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rows() -> Callable[[str], list[list[str]]]:
    """The cells of a table of the security page, without backticks; its first header names it."""
    lines = (ROOT / "docs" / "security.md").read_text().replace("`", "").splitlines()

    def read(header: str) -> list[list[str]]:
        start = next(number for number, line in enumerate(lines) if line.startswith(f"| {header} |"))
        found = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            found.append([cell.strip() for cell in line.strip("|").split("|")])
        return found

    return read
