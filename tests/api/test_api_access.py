"""What each role may do, over every route that there is."""

from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from structlog.testing import capture_logs

from snowmelt.api.access import needed_role
from snowmelt.api.context_door import PATH as CONTEXT_PATH
from snowmelt.api.framework import framework_app
from snowmelt.api.later import LATER
from snowmelt.api.online import PATH as ONLINE_PATH
from snowmelt.stores.registry import ROLES, Registry

OPEN = {
    ("GET", "/api/msc/v1/organizations/{org_id}/credentials/v2/token"),
    ("GET", "/api/msc/v1/organizations/{org_id}/credentials/v3/token"),
    ("GET", "/api/v1/interventions"),
    ("GET", "/docs"),
    ("GET", "/docs/assets"),
    ("GET", "/health-all"),
    ("GET", "/openapi.json"),
}
"""What anybody may ask for. Whoever adds a route here says that strangers may use it."""

ONLY_ADMINS = {
    ("GET", "/api/v1/api_keys"),
    ("POST", "/api/v1/api_keys"),
    ("DELETE", "/api/v1/api_keys/{key_id}"),
    ("GET", "/api/v1/user_data"),
    ("DELETE", "/api/v1/user_data"),
    ("GET", "/api/v1/user_data/receipts/{id}"),
    ("POST", "/api/schemas"),
    ("PUT", "/api/schemas/{vendor}/{name}/{format}/{version}"),
}
READING_POSTS = {
    ("POST", ONLINE_PATH),
    ("POST", "/api/v1/registry/attribute_group_plans"),
    ("POST", "/api/v1/interventions/tokens"),
    ("POST", "/api/v1/testing/attribute_groups"),
    ("POST", "/api/v1/testing/flush"),
    ("POST", "/api/v1/testing/interventions"),
}
PAST_THE_FRAMEWORK = {
    ("POST", ONLINE_PATH),
    ("GET", CONTEXT_PATH),
    ("GET", "/api/v1/interventions"),
    ("POST", "/api/v1/interventions"),
}


@pytest.fixture
def routes(registry: Registry, profiles: Any) -> set[tuple[str, str]]:
    """Every route: those of the framework, the hot doors, and what comes later."""
    nothing: Any = None
    app = framework_app(registry, *[nothing, profiles], *[nothing] * 8)
    framework = {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    coming = {(method, area.path) for area in LATER for method in ("GET", "POST", "PUT", "DELETE")}
    return framework | coming | PAST_THE_FRAMEWORK


def expected(method: str, path: str) -> str | None:
    """The rule, in other words than the code's."""
    if (method, path) in OPEN:
        return None
    if (method, path) in ONLY_ADMINS:
        return "admin"
    return "reader" if method == "GET" or (method, path) in READING_POSTS else "writer"


def test_every_route_is_protected_as_the_rule_says(routes: set[tuple[str, str]]) -> None:
    assert len(routes) >= 25
    assert routes >= ONLY_ADMINS | READING_POSTS
    found = {(method, path): needed_role(method, path) for method, path in routes}
    assert routes >= OPEN
    assert found == {route: expected(*route) for route in routes}


def filled(path: str) -> str:
    """The path with something in its places."""
    return path.replace("{version}", "1").replace("*", "1").replace("{", "").replace("}", "")


def test_what_each_role_gets_from_every_route(
    routes: set[tuple[str, str]], registry: Registry, holder: Any, stranger: Any
) -> None:
    """401 without a token, 403 with too small a role, the route's own answer with the role."""
    clients = {role: holder(registry.api_keys.create(role).key) for role in ROLES}
    body = {"attributes": ["no_v1:such"], "attribute_keys": {"user_id": ["x"]}}
    for method, path in sorted(routes):
        needed = expected(method, path)
        if needed is None:
            continue
        url = filled(path)
        answer = stranger.request(method, url, json=body)
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"] == answer.json()["detail"]
        for role, client in clients.items():
            answer = client.request(method, url, json=body)
            if ROLES.index(role) < ROLES.index(needed):
                assert answer.status_code == 403, (method, path, role)
                assert f"needs the role {needed}" in answer.json()["error"]
                assert answer.json()["error"] == answer.json()["detail"]
                assert "www-authenticate" not in answer.headers
            else:
                assert answer.status_code not in (401, 403, 500), (method, path, role)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ANYTHING"])
@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v1/nowhere", "/api/msc/v1/x", "/api/v2/registry/services"])
def test_what_is_unknown_is_protected_too(stranger: Any, method: str, path: str) -> None:
    expected_status = 404 if path == "/api" else 401
    assert stranger.request(method, path).status_code == expected_status


@pytest.mark.parametrize(
    "path",
    [
        "/api//v1/registry/services",
        "/api/v1//interventions",
        "/api/v1/interventions/../registry/services",
        "/api/v1/interventions%2f..%2fregistry/services",
        "/api/v1/api_keys%2f",
        "/api/msc/v1/organizations/a/b/credentials/v3/token",
        "/api/msc/v1/organizations//credentials/v3/token",
        "/api/msc/v1/organizations/a/credentials/v3/token%0a",
        "/api/msc/v1/organizations/a/credentials/v33/token",
    ],
)
def test_no_way_of_writing_a_path_gets_around(stranger: Any, path: str) -> None:
    assert stranger.get(path).status_code == 401


def test_a_reader_reads_and_a_writer_writes(
    registry: Registry, holder: Any, group: Any, service: Any, profiles: Any
) -> None:
    reader, writer = (holder(registry.api_keys.create(role).key) for role in ("reader", "writer"))
    assert writer.post("registry/attribute_groups", json=group(is_published=True)).status_code == 201
    assert writer.post("registry/services", json=service("shop", ("shop", 1), is_published=True)).status_code == 201
    assert reader.get("registry/services").json()[0]["name"] == "shop"
    read = {"service": "shop", "attribute_keys": {"domain_userid": ["ann"]}}
    assert reader.post("get-online-attributes", json=read).json() == {"views": [None], "spent": [None]}
    assert reader.post("engines/unpublish", json={"services": [{"name": "shop"}]}).status_code == 403
    assert registry.services.get("shop").service.is_published
    assert writer.post("engines/unpublish", json={"services": [{"name": "shop"}]}).status_code == 200


def test_no_secret_is_logged(
    registry: Registry, holder: Any, exchange: Any, client: Any, profiles: Any, group: Any, monkeypatch: Any
) -> None:
    """Neither by what is refused nor by what goes wrong."""
    monkeypatch.setattr(registry.services, "all", lambda: 1 / 0)
    profiles.broken = True
    client.post("registry/attribute_groups", json=group(is_published=True))
    new = registry.api_keys.create("reader")
    token = exchange(new).json()["accessToken"]
    read = {"attributes": ["shop_v1:views"], "attribute_keys": {"domain_userid": ["ann"]}}
    with capture_logs() as logs:
        for secret in (token, new.key, client.headers["authorization"].removeprefix("Bearer ")):
            asking = holder(secret)
            assert asking.get("registry/services").status_code == 500
            assert asking.post("get-online-attributes", json=read).status_code == 500
            assert holder(f"{secret}x").get("registry/services").status_code == 401
    assert len(logs) == 6
    for secret in (token, new.key, client.headers["authorization"].removeprefix("Bearer ")):
        assert secret not in repr(logs)
