"""The outer router: tokens, pages, what is not there, what goes wrong."""

import asyncio
import re
import subprocess
import sys
from typing import Any

import pytest
from structlog.testing import capture_logs

from snowmelt.api import later as later_module
from snowmelt.api.access import needed_role
from snowmelt.api.app import Api, is_api_path
from snowmelt.api.later import LATER
from snowmelt.stores.registry import Registry

PROTECTED = [
    ("POST", "/api/v1/get-online-attributes"),
    ("GET", "/api/v1/registry/services/"),
    ("POST", "/api/v1/registry/attribute_groups"),
    ("POST", "/api/v1/interventions"),
    ("GET", "/api/v1/event_log"),
    ("GET", "/api/v1/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "bearer a-token-for-testsx"]
)
def test_without_the_token_nobody_is_let_in(stranger: Any, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = stranger.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"] == response.json()["detail"]


def test_the_scheme_may_be_in_any_case(stranger: Any) -> None:
    headers = {"authorization": "bearer a-token-for-tests"}
    assert stranger.get("/api/v1/registry/services", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/openapi.json", "/health-all", "/health-all/"])
def test_pages_need_no_token(stranger: Any, path: str) -> None:
    assert stranger.get(path).status_code == 200


def test_the_docs_page_loads_nothing_from_elsewhere(stranger: Any) -> None:
    page = stranger.get("/docs/").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 3
    for link in links:
        assert link.startswith("/docs/assets/"), link
        assert stranger.get(link).status_code == 200


def test_health(stranger: Any, profiles) -> None:
    healthy = {"status": "ok", "dependencies": {"storage": "ok", "feature_server": "ok"}}
    assert stranger.get("/health-all").json() == healthy
    profiles.broken = True
    with capture_logs():
        response = stranger.get("/health-all")
    assert response.status_code == 503
    assert response.json() == {
        "status": "error",
        "dependencies": {"storage": "ok", "feature_server": "error"},
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("area", LATER, ids=lambda area: area.path)
def test_what_comes_later_says_so(client: Any, area: later_module.Later, method: str) -> None:
    for path in (area.path, f"{area.path}/", f"{area.path}/something/more"):
        response = client.request(method, path.replace("*", "1"))
        assert response.status_code == 501
        assert area.what in response.json()["error"]
        assert response.json()["detail"] == response.json()["error"]


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/nowhere", "/", "/api/v1/registry", "/api/v1/datasetsx"])
def test_unknown_paths(client: Any, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert path in response.json()["error"]


def test_wrong_methods(client: Any) -> None:
    response = client.patch("registry/services")
    assert response.status_code == 405
    assert "PATCH" in response.json()["detail"]


def test_what_should_not_happen_is_answered_with_an_id_that_is_logged(
    client: Any, registry: Registry, profiles, group, monkeypatch
) -> None:
    monkeypatch.setattr(registry.services, "all", lambda: 1 / 0)
    client.post("registry/attribute_groups", json=group(is_published=True))
    profiles.broken = True
    read = {"attributes": ["shop_v1:views"], "attribute_keys": {"domain_userid": ["ann"]}}
    with capture_logs() as logs:
        answers = [client.get("registry/services"), client.post("get-online-attributes", json=read)]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert [entry["id"] for entry in logs] == [answer.json()["id"] for answer in answers]
    assert [type(entry["exc_info"]) for entry in logs] == [ZeroDivisionError, OSError]
    assert all(answer.json()["id"] in answer.json()["error"] for answer in answers)


def test_the_hot_door_is_open_before_the_framework_is_there() -> None:
    code = (
        "import sys, snowmelt.api.app\n"
        "assert not any(name.split('.')[0] in ('fastapi', 'starlette') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_lifespan(app: Api, runner: asyncio.Runner) -> None:
    async def live() -> list[str]:
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent: list[str] = []

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        return sent

    assert runner.run(live()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_openapi_document_has_everything(stranger: Any) -> None:
    document = stranger.get("/openapi.json").json()
    assert document == stranger.get("/openapi.json").json()
    paths = document["paths"]
    online = paths["/api/v1/get-online-attributes"]["post"]
    assert online["security"] == [{"token": ["reader"]}, {}]
    assert paths["/api/v1/event_log"]["get"]["security"] == [{"token": ["reader"]}]
    coming = {
        path for path, operations in paths.items() if all("501" in each["responses"] for each in operations.values())
    }
    assert coming == {area.path.replace("*", "{name}", 1).replace("*", "{version}") for area in LATER}
    assert set(paths) - coming == {
        "/api/msc/v1/organizations/{org_id}/credentials/v2/token",
        "/api/msc/v1/organizations/{org_id}/credentials/v3/token",
        "/api/v1/event_log",
        "/api/v1/api_keys",
        "/api/v1/api_keys/{key_id}",
        "/api/v1/engines/publish",
        "/api/v1/engines/published/interventions",
        "/api/v1/engines/published/stream_attributes",
        "/api/v1/engines/unpublish",
        "/api/v1/get-online-attributes",
        "/api/v1/interventions",
        "/api/v1/interventions/tokens",
        *(
            f"/api/v1/registry/{collection}{item}"
            for collection in ("agentic_attributes", "agentic_decisions", "event_logs")
            for item in ("", "/{name}", "/{name}/draft")
        ),
        "/api/v1/registry/attribute_group_plans",
        "/api/v1/registry/attribute_group_templates",
        "/api/v1/registry/attribute_groups",
        "/api/v1/registry/attribute_groups/{name}",
        "/api/v1/registry/attribute_groups/{name}/versions",
        "/api/v1/registry/attribute_groups/{name}/versions/{version}",
        "/api/v1/registry/attribute_groups/{name}/versions/{version}/batch_source",
        "/api/v1/registry/attribute_keys",
        "/api/v1/registry/attribute_keys/{name}",
        "/api/v1/registry/interventions",
        "/api/v1/registry/interventions/{name}",
        "/api/v1/registry/interventions/{name}/versions",
        "/api/v1/registry/interventions/{name}/versions/{version}",
        "/api/v1/registry/services",
        "/api/v1/registry/services/{name}",
        "/api/v1/testing/attribute_groups",
        "/api/v1/testing/flush",
        "/api/v1/testing/interventions",
        "/api/v1/user_data",
        "/api/v1/user_data/receipts/{id}",
        "/api/schemas",
        "/api/schemas/{vendor}/{name}/{format}/{version}",
        "/health-all",
    }


def test_every_operation_tells_its_errors_and_its_token(stranger: Any) -> None:
    document = stranger.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = needed_role(method.upper(), path)
            place = f"{method} {path}"
            assert operation["security"][:1] == ([{"token": [needed]}] if needed else []), place
            expected = {"501"} if "501" in operation["responses"] else {"500"}
            expected |= {"401"} if needed else set()
            expected |= {"403"} if needed in ("writer", "admin") else set()
            expected |= {"404"} if "{name}" in path else set()
            expected |= {"413"} if "requestBody" in operation else set()
            assert expected <= operation["responses"].keys(), place
            for status, answer in operation["responses"].items():
                assert all(kind["schema"] for kind in answer["content"].values()), (place, status)
                assert status == "200" or "application/json" in answer["content"], (place, status)
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["examples"], place


def test_every_reference_of_the_openapi_document_resolves(stranger: Any) -> None:
    document = stranger.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    references: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                references.add(node["$ref"])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document)
    assert references <= {f"#/components/schemas/{name}" for name in schemas}


def test_which_paths_belong_to_the_api() -> None:
    ours = [
        "/api/v1/registry/services",
        "/api/msc/v1/x",
        "/docs",
        "/docs/",
        "/openapi.json",
        "/health-all/",
        "/docs/assets/x",
    ]
    theirs = [
        "/",
        "/health",
        "/ready",
        "/i",
        "/com.snowplowanalytics.snowplow/tp2",
        "/apiary/x",
        "/docsx/more",
    ]
    assert all(map(is_api_path, ours))
    assert not any(map(is_api_path, theirs))
