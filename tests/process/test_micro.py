"""The API with which test suites look at what became of their events, on a real server."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conftest import Server
from pipeline_rows import PAGE_VIEW, TP2, payload_data

pytestmark = pytest.mark.process

CO = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"
SETTINGS = 'host = "0.0.0.0"\n[micro]\nenabled = true\n'
"""Others could reach it, so that whoever asks needs a token."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("micro") / "data", settings=SETTINGS)
    server.url = server.url.replace("0.0.0.0", "127.0.0.1")
    yield server
    server.close()


@pytest.fixture
def micro(shared: Server) -> Server:
    """A server that remembers nothing yet."""
    ask(shared, "reset")
    return shared


def headers(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.token}"}


def track(server: Server, *events: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{server.url}{TP2}", content=payload_data(*events), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200


def ask(server: Server, route: str, body: Any = None, **query: str) -> Any:
    url = f"{server.url}/micro/{route}"
    method, sent = ("GET", {}) if body is None else ("POST", {"json": body})
    answer = httpx.request(method, url, params=query, headers=headers(server), **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_row_129_three_good_and_three_bad(micro: Server) -> None:
    json_type = {"Content-Type": "application/json"}
    bad = PAGE_VIEW | {"vid": "x"}
    bodies = [payload_data(PAGE_VIEW, PAGE_VIEW, bad), payload_data(PAGE_VIEW, bad), b"{"]
    for body in bodies:
        httpx.post(f"{micro.url}{TP2}", content=body, headers=json_type).raise_for_status()
    assert ask(micro, "all") == {"total": 6, "good": 3, "bad": 3}, "at once, without waiting for the engine"
    assert len(ask(micro, "good")) == len(ask(micro, "bad")) == 3
    assert ask(micro, "reset", {}) == ask(micro, "all") == {"total": 0, "good": 0, "bad": 0}
    assert ask(micro, "good") == ask(micro, "bad") == []
    micro.flush()
    assert ask(micro, "all")["total"] == 0, "the engine adds nothing"


def test_each_application_has_its_own_events(micro: Server) -> None:
    page = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
    entity = {"id": "1d0c9f3c-7c3e-4a53-8b39-0c2f7d6e9b52"}
    wrapped = json.dumps({"schema": CO, "data": [{"schema": page, "data": entity}]})
    track(micro, PAGE_VIEW | {"aid": "one", "co": wrapped}, PAGE_VIEW | {"aid": "one", "vid": "x"})
    track(micro, PAGE_VIEW | {"aid": "two", "e": "pp"}, PAGE_VIEW | {"aid": "two", "page": "last"})
    assert ask(micro, "all", app_id="one") == {"total": 2, "good": 1, "bad": 1}
    assert ask(micro, "all", app_id="two") == {"total": 2, "good": 2, "bad": 0}
    [newest, _] = ask(micro, "good", app_id="two")
    assert (newest["event"]["page_title"], newest["eventType"]) == ("last", "page_view")
    assert newest["schema"] == "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0"
    [only] = ask(micro, "good", {"contexts": [page]})
    assert only["contexts"] == [page]
    assert only["rawEvent"]["parameters"]["aid"] == "one"
    assert only["event"]["contexts_com_snowplowanalytics_snowplow_web_page_1"] == [entity]
    assert ask(micro, "good", {"event_type": "page_ping"})[0]["event"]["app_id"] == "two"
    assert ask(micro, "good", {"schema": newest["schema"], "limit": 1}) == [newest]
    [bad] = ask(micro, "bad")
    assert "vid: " in bad["errors"][0]
    assert ask(micro, "bad", {"vendor": "com.acme"}) == []
    ask(micro, "reset", app_id="one")
    assert ask(micro, "all") == {"total": 2, "good": 2, "bad": 0}


def test_what_else_is_answered(micro: Server) -> None:
    standard = "com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
    assert ask(micro, f"iglu/{standard}")["self"]["name"] == "web_page"
    for path, method, status in (
        ("iglu/com.acme/order/jsonschema/1-0-0", "GET", 404),
        ("iglu/nonsense", "GET", 404),
        ("all", "PUT", 405),
        (f"iglu/{standard}", "POST", 405),
    ):
        answer = httpx.request(method, f"{micro.url}/micro/{path}", headers=headers(micro))
        assert answer.status_code == status, path
    for body in (b"{", b"[]", b'{"colour": 1}', b'{"limit": "many"}', b'{"contexts": 1}'):
        answer = httpx.post(f"{micro.url}/micro/good", content=body, headers=headers(micro))
        assert answer.status_code == 422, body
    assert ask(micro, "good", {"limit": -1}) == []


@pytest.mark.parametrize("route", ["all", "good", "bad", "reset", "iglu/com.acme/order/jsonschema/1-0-0"])
def test_strangers_on_the_network_need_a_token(micro: Server, route: str) -> None:
    track(micro, PAGE_VIEW)
    for token in ({}, {"Authorization": "Bearer wrong"}):
        assert httpx.get(f"{micro.url}/micro/{route}", headers=token).status_code == 401
    assert ask(micro, "all")["total"] == 1
