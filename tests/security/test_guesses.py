"""Trying tokens against a real server behind a proxy."""

from collections.abc import Iterator

import pytest

from attacks import Asking
from conftest import Server
from snowmelt.api.guessing import GUESSES

pytestmark = pytest.mark.process

WAYS = ["token", "API key", "agents", "agents' key", "v2 exchange", "v3 exchange"]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that believes a proxy on this machine."""
    data = tmp_path_factory.mktemp("proxied") / "data"
    data.mkdir(mode=0o700)
    (data / "snowmelt.toml").write_text('[collector]\ntrusted_proxies = ["127.0.0.1"]\n')
    server = Server(data)
    yield server
    server.close()


def attempt(asking: Asking, way: str, number: int, address: str) -> int:
    """One wrong secret, in one of the places that take one."""
    wrong = f"smk_{number:039}"
    said = {"X-Forwarded-For": address}
    exchange = "/api/msc/v1/organizations/x/credentials"
    keys = {"X-API-Key": wrong, "X-API-Key-Id": "x"}
    method, path, headers = {
        "token": ("GET", "/api/v1/registry/services", {"Authorization": f"Bearer {number}"}),
        "API key": ("GET", "/api/v1/registry/services", {"Authorization": f"Bearer {wrong}"}),
        "agents": ("POST", "/mcp", {"Authorization": f"Bearer {number}"}),
        "agents' key": ("POST", "/mcp", keys),
        "v2 exchange": ("GET", f"{exchange}/v2/token", keys),
        "v3 exchange": ("GET", f"{exchange}/v3/token/", keys),
    }[way]
    answer = asking.request(method, path, headers=headers | said)
    assert ("retry-after" in answer.headers) == (answer.status_code == 429)
    return answer.status_code


@pytest.mark.parametrize("way", WAYS)
def test_after_some_guesses_an_address_waits(proxied: Server, way: str) -> None:
    address = f"198.51.100.{WAYS.index(way)}"
    with Asking(proxied.url) as asking:
        statuses = [attempt(asking, way, number, address) for number in range(GUESSES + 2)]
        assert statuses == [401] * GUESSES + [429] * 2
        # All ways are one, for this address alone; whoever forges an address before the proxy's is the same.
        assert {attempt(asking, other, 0, f"192.0.2.1, {address}") for other in WAYS} == {429}
        assert attempt(asking, way, 0, f"{address}0") == 401
        right = {"Authorization": f"Bearer {proxied.token}"}
        assert asking.get("/api/v1/registry/services", headers=right).status_code == 200
        # What needs no token is served as before.
        for path in ("/health", "/i", "/docs", "/api/v1/interventions"):
            assert asking.get(path, headers={"X-Forwarded-For": address}).status_code in (200, 400)
