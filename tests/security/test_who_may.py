"""Every route of a running server against every credential, as the security page says."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from attacks import Asking, its_turn
from conftest import Server

pytestmark = pytest.mark.process

OPEN = {
    ("GET", "/api/msc/v1/organizations/{org_id}/credentials/v2/token"),
    ("GET", "/api/msc/v1/organizations/{org_id}/credentials/v3/token"),
    ("GET", "/api/v1/interventions"),
    ("GET", "/docs"),
    ("GET", "/docs/assets"),
    ("GET", "/openapi.json"),
    ("GET", "/health"),
    ("GET", "/health-all"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/robots.txt"),
    ("GET", "/sink-health"),
    # 404 on a server that does not remember events for tests.
    ("GET", "/micro/all"),
    ("POST", "/micro/all"),
    ("GET", "/micro/good"),
    ("POST", "/micro/good"),
    ("GET", "/micro/bad"),
    ("POST", "/micro/bad"),
    ("GET", "/micro/reset"),
    ("POST", "/micro/reset"),
    ("GET", "/micro/iglu/{vendor}/{name}/{format}/{version}"),
    ("GET", "/i"),
    ("GET", "/ice.png"),
    ("GET", "/{vendor}/{version}"),
    ("POST", "/{vendor}/{version}"),
}
"""What strangers may use. Whoever adds a route here has thought about what they can do with it."""
Rows = Callable[[str], list[list[str]]]
Credentials = dict[str, str | None]


def decided(rows: Rows) -> dict[tuple[str, str], str]:
    """What the page says that each method of each path needs."""
    return {(method, path): needs for path, methods, _, needs in rows("path") for method in methods.split(", ")}


def test_every_route_of_a_running_server_is_decided_upon(asking: Asking, rows: Rows, route_table: ModuleType) -> None:
    page = decided(rows)
    assert len(page) >= 80
    of_code = {(route.method, route.path): route.needs for route in route_table.routes()}
    assert page == of_code, "run `make docs`, and look at what the new rows say"
    assert route_table.documented(asking.get("/openapi.json").json()) <= page.keys()


def test_strangers_may_use_these_and_no_others(rows: Rows) -> None:
    assert {route for route, needs in decided(rows).items() if needs == "anybody"} == OPEN


def test_each_credential_gets_what_the_page_says(
    asking: Asking, credentials: Credentials, rows: Rows, route_table: ModuleType
) -> None:
    answers = {
        credential: dict(zip(("anybody", "reader", "writer", "admin"), row, strict=True))
        for credential, *row in rows("credential")
    }
    assert answers.keys() == credentials.keys()
    wrong = []
    for (method, path), needs in decided(rows).items():
        url = route_table.filled(path)
        without = asking.request(method, url, json={}).status_code
        for credential, token in credentials.items():
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = asking.request(method, url, json={}, headers=headers)
            expected = answers[credential][needs]
            if expected == "own":
                fits = answer.status_code == without if needs == "anybody" else answer.status_code not in (401, 403)
            else:
                fits = answer.status_code == int(expected)
                fits &= answer.json()["error"] == answer.json()["detail"]
                fits &= ("www-authenticate" in answer.headers) == (expected == "401")
            if not fits or (token is not None and token in answer.text):
                wrong.append((credential, method, path, needs, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_no_method_gets_around(asking: Asking, rows: Rows, route_table: ModuleType, method: str) -> None:
    """Whatever protected path it is for, and however that is written."""
    for place, ((_, path), needs) in enumerate(decided(rows).items()):
        if needs == "anybody" or (method == "GET" and (method, path) in OPEN):
            continue
        url = route_table.filled(path)
        public = path == "/api/v1/get-online-attributes" and method == "OPTIONS"
        spellings = [
            url,
            f"{url}/",
            f"{url}//",
            url.replace("/v1/", "//v1/"),
            url.replace("/v1/", "/v1/../v1/"),
            url.replace("a-", "%61-"),
            f"{url}?x=1",
            f"{url}%2f",
            f"{url}/x",
        ]
        for number, spelled in enumerate(spellings):
            if number and not its_turn(place, number):
                continue
            status = asking.request(method, spelled).status_code
            # What is not below /api/ any more is nothing, or the collector's, which takes whatever it is sent.
            mine = spelled.startswith("/api/")
            assert status == 401 if mine and not public else status in (200, 204, 401, 404, 405), (method, spelled)


@pytest.mark.parametrize(
    ("credential", "gets"),
    [
        ("JWT of a revoked API key", 401),
        ("a revoked API key", 401),
        ("an expired API key", 401),
        ("an API key that there is not", 401),
        ("sandbox token", 401),
        ("garbage", 401),
        ("JWT of a reader", 401),
        ("API key of a reader", 200),
    ],
)
def test_only_a_key_in_force_is_exchanged(
    asking: Asking, admin: Asking, make_key: Any, credentials: Credentials, credential: str, gets: int
) -> None:
    organization = make_key("reader")["organization_id"]
    headers = {"X-API-Key": credentials[credential] or ""}
    path = "/api/msc/v1/organizations/{}/credentials/{}/token"
    assert asking.get(path.format(organization, "v2"), headers=headers).status_code == gets
    assert asking.get(path.format("elsewhere", "v2"), headers=headers).status_code == 401
    known = [key["id"] for key in admin.get("/api/v1/api_keys").json()]
    accepted = 0
    for key_id in [*known, "x", "", "%00"]:
        answer = asking.get(path.format(organization, "v3"), headers=headers | {"X-API-Key-Id": key_id})
        accepted += answer.status_code == 200
        assert answer.status_code in (200, 401)
    # With any other id than its own it is worth nothing.
    assert accepted == (gets == 200)


def test_agents_may_bring_the_key_itself(asking: Asking, make_key: Any, admin: Asking) -> None:
    key, other = make_key("reader"), make_key("reader")

    def agent(key_id: str, secret: str) -> int:
        headers = {"X-API-Key-Id": key_id, "X-API-Key": secret}
        return asking.post("/mcp", json={}, headers=headers).status_code

    assert agent(key["id"], key["key"]) not in (401, 403)
    assert agent(other["id"], key["key"]) == agent(key["id"], "") == agent("", key["key"]) == 401
    admin.delete(f"/api/v1/api_keys/{key['id']}")
    assert agent(key["id"], key["key"]) == 401


def test_a_wrong_header_beside_a_right_key_is_not_overlooked(running: Server, asking: Asking, make_key: Any) -> None:
    key = make_key("reader")
    right = {"X-API-Key-Id": key["id"], "X-API-Key": key["key"]}
    assert asking.post("/mcp", json={}, headers=right | {"Authorization": "Bearer wrong"}).status_code == 401
    # Of two headers the first counts, whichever is right.
    twice = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {running.token}")]
    assert asking.get("/api/v1/registry/services", headers=twice).status_code == 401
    assert asking.get("/api/v1/registry/services", headers=twice[::-1]).status_code == 200
