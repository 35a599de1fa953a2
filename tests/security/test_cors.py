"""What pages of other sites may read and send from a browser, route by route."""

from types import ModuleType
from typing import Any

import pytest

from attacks import Asking, dial

pytestmark = pytest.mark.process

FOREIGN = "https://evil.example"
PUBLIC_READS, STREAM = "/api/v1/get-online-attributes", "/api/v1/interventions"


def preflight(client: Asking, path: str, method: str, headers: str = "authorization, content-type") -> Any:
    """What a browser asks before it sends what no form could send."""
    return client.options(
        path,
        headers={
            "Origin": FOREIGN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )


def cross_origin(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def test_no_page_may_use_the_api_with_a_token(asking: Asking, admin: Asking, route_table: ModuleType) -> None:
    """A preflight is refused like everything without a token, and no answer may be read by a foreign page."""
    for route in route_table.routes():
        if route.door not in ("API", "later", "agents") or route.path in (PUBLIC_READS, STREAM):
            continue
        path = route_table.filled(route.path)
        asked = preflight(asking, path, route.method)
        assert cross_origin(asked) == {}, route
        assert asked.status_code == 401 or route.needs == "anybody", route
        assert cross_origin(preflight(admin, path, route.method)) == {}, route
        answer = admin.request(route.method, path, json={}, headers={"Origin": FOREIGN})
        assert cross_origin(answer) == {}, route


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_pages_of_the_runtime_cannot_be_read_from_elsewhere(asking: Asking, path: str) -> None:
    assert cross_origin(asking.get(path, headers={"Origin": FOREIGN})) == {}
    assert cross_origin(preflight(asking, path, "GET")) == {}


def test_public_reads_are_for_every_page_and_never_with_a_token(asking: Asking, admin: Asking) -> None:
    asked = preflight(asking, PUBLIC_READS, "POST", "content-type")
    assert asked.status_code == 204
    # A star covers no Authorization header, and no answer with credentials is ever readable.
    assert cross_origin(asked) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "*",
        "access-control-max-age": "3600",
    }
    body = {"service": "ecom_attributes", "attribute_keys": {"domain_userid": ["a"]}}
    without = asking.post(PUBLIC_READS, json=body, headers={"Origin": FOREIGN})
    assert without.status_code in (400, 401)
    assert cross_origin(without) == {"access-control-allow-origin": "*"}
    assert cross_origin(admin.post(PUBLIC_READS, json=body, headers={"Origin": FOREIGN})) == {}


def test_streams_are_for_every_page_and_carry_no_credentials(asking: Asking, running: Any) -> None:
    with dial(running.url) as connection:
        target = f"{STREAM}?domain_userid=00000000-0000-4000-8000-000000000001"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nOrigin: {FOREIGN}\r\n\r\n".encode())
        head = connection.recv(65_536).lower()
    assert b"access-control-allow-origin: *" in head and b"credentials" not in head
    assert cross_origin(asking.get(STREAM, headers={"Origin": FOREIGN})) == {"access-control-allow-origin": "*"}
    # Pushing is a writer's, and no page's.
    asked = preflight(asking, STREAM, "POST")
    assert (asked.status_code, cross_origin(asked)) == (401, {})


@pytest.mark.parametrize("path", ["/com.snowplowanalytics.snowplow/tp2", "/i?e=pv", "/acme/track"])
def test_trackers_of_every_page_may_send_with_the_cookie(asking: Asking, path: str) -> None:
    """The answer is a pixel or the word ok: a page that reads it learns nothing."""
    asked = preflight(asking, path, "POST", "content-type")
    assert asked.status_code == 200
    assert cross_origin(asked)["access-control-allow-origin"] == FOREIGN
    assert cross_origin(asked)["access-control-allow-credentials"] == "true"
    assert "authorization" not in cross_origin(asked)["access-control-allow-headers"].lower()
    sent = asking.get(path.partition("?")[0], headers={"Origin": FOREIGN})
    assert cross_origin(sent)["access-control-allow-origin"] == FOREIGN
    assert sent.content.startswith((b"GIF89a", b"ok"))


def test_agents_are_not_called_by_pages(admin: Asking) -> None:
    """Also with a token, which a page on this machine might have been given: its origin is none that is allowed."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    assert admin.post("/mcp", json=call, headers=headers | {"Origin": FOREIGN}).status_code == 403
    assert admin.post("/mcp", json=call, headers=headers | {"Host": "evil.example"}).status_code in (403, 421)
    assert admin.post("/mcp", json=call, headers=headers).status_code == 200
