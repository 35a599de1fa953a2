"""Agents at ``/mcp`` of a real server with two web processes."""

import json
import subprocess
import sys
import uuid
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp import MCPError

from agents import Agent, bearer, over_http
from conftest import Server
from process_shop import Shop, shop_event

pytestmark = pytest.mark.process

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PROTOCOL = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def posted(server: Server, headers: dict[str, str], body: Any = PING) -> httpx.Response:
    """One request without a client's help."""
    return httpx.post(f"{server.url}/mcp", json=body, headers=PROTOCOL | headers, timeout=30)


def new_key(server: Server, role: str) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/api/v1/api_keys", json={"role": role}, headers=bearer(server.token))
    assert answer.status_code == 201
    return answer.json()


def test_the_reading_tools_are_offered(agent: Agent) -> None:
    tools = {tool.name: tool for tool in agent.tools()}
    assert list(tools) == ["list_attribute_groups", "get_attributes", "list_agentic_contexts", "get_agentic_context"]
    for tool in tools.values():
        assert tool.annotations.read_only_hint is True
        assert tool.description
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"


def test_what_is_published_is_listed(agent: Agent, busy: Server) -> None:
    draft = {
        "name": "a_draft",
        "owner": "user@company.com",
        "attribute_key": {"name": "user_id"},
        "attributes": [{"name": "seen", "type": "int32", "aggregation": "counter"}],
    }
    url = f"{busy.url}/api/v1/registry/attribute_groups"
    assert httpx.post(url, json=draft, headers=bearer(busy.token)).status_code == 201
    attributes = [
        {"name": "count_product_views", "type": "int32", "description": None},
        {"name": "count_add_to_cart", "type": "int32", "description": None},
        {"name": "total_cart_value", "type": "double", "description": None},
    ]
    group = {"name": "ecom_attributes", "version": 1, "attribute_key": "domain_userid", "description": None}
    service = {
        "name": "ecom_attributes",
        "description": None,
        "attribute_keys": ["domain_userid"],
        "attribute_groups": [{"name": "ecom_attributes", "version": 1}],
    }
    everything = {"attribute_groups": [group | {"attributes": attributes}], "services": [service]}
    assert agent.answer("list_attribute_groups") == everything
    assert agent.answer("list_attribute_groups", names=["ecom_attributes"]) == everything
    text = agent.refusal("list_attribute_groups", names=["ecom_attributes", "a_draft", "nowhere"])
    assert text == "There is no published group or service a_draft, nowhere."


def test_values_are_read(agent: Agent, busy: Server) -> None:
    shop, user = Shop(busy.url, busy.token), str(uuid.uuid4())
    shop.track([shop_event(user, "product_view"), shop_event(user, "add_to_cart", 12.5)])
    shop.http.close()
    busy.flush()
    whole = {"count_product_views": 1, "count_add_to_cart": 1, "total_cart_value": 12.5}
    part = {"name": "ecom_attributes", "version": 1, "attributes": ["total_cart_value"]}
    asked = {"attribute_key": "domain_userid", "identifier": user}
    result = agent.call(
        "get_attributes", **asked, services=["ecom_attributes"], groups=[{"name": "ecom_attributes"}, part]
    )
    assert result.structured_content == asked | {
        "services": [{"name": "ecom_attributes", "values": whole}],
        "groups": [
            {"name": "ecom_attributes", "version": 1, "values": whole},
            {"name": "ecom_attributes", "version": 1, "values": {"total_cart_value": 12.5}},
        ],
    }
    (content,) = result.content
    assert json.loads(content.text) == result.structured_content
    # As some agents write lists.
    assert agent.answer("get_attributes", **asked, groups=json.dumps([part]))["groups"][0]["values"] == {
        "total_cart_value": 12.5
    }
    stranger = agent.answer("get_attributes", attribute_key="domain_userid", identifier="nobody", groups=[part])
    assert stranger["groups"][0]["values"] == {"total_cart_value": None}


def test_contexts_are_listed_and_read_in_both_formats(agent: Agent, busy: Server) -> None:
    listed = {"name": "recent_activity", "attribute_key": "domain_sessionid", "description": "What a shopper did."}
    session = str(uuid.uuid4())
    shop = Shop(busy.url, busy.token)
    shop.track([shop_event(str(uuid.uuid4()), "product_view") | {"sid": session}])
    shop.http.close()
    busy.flush()
    asked = {"name": "recent_activity", "identifier": session}
    assert agent.answer("list_agentic_contexts") == {"agentic_contexts": [listed]}
    answer = agent.answer("get_agentic_context", **asked)
    assert (answer["format"], answer["narrative"]) == ("json", None)
    assert (answer["context"]["prompt"], answer["context"]["identifier"]) == ("Help this shopper.", session)
    assert [event["event_name"] for event in answer["context"]["events"]] == ["snowplow_ecommerce_action"]
    result = agent.call("get_agentic_context", **asked, format="narrative")
    (content,) = result.content
    assert content.text == result.structured_content["narrative"]
    assert content.text.startswith("Help this shopper.\n[START CONTEXT]\n")
    assert "0, snowplow_ecommerce_action, , {}" in content.text
    told = httpx.get(f"{busy.url}/api/v1/event_log", params=asked | {"name": "a_draft"}, headers=bearer(busy.token))
    assert told.status_code == 404
    assert agent.refusal("get_agentic_context", **asked | {"name": "a_draft"}) == told.json()["error"]
    assert "format: Input should be 'json' or" in agent.refusal("get_agentic_context", **asked, format="xml")


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        ({"services": ["nowhere"]}, {"service": "nowhere"}),
        (
            {"groups": [{"name": "ecom_attributes", "version": 7, "attributes": ["x"]}]},
            {"attributes": ["ecom_attributes_v7:x"]},
        ),
        (
            {"groups": [{"name": "ecom_attributes", "version": 1, "attributes": ["x"]}]},
            {"attributes": ["ecom_attributes_v1:x"]},
        ),
    ],
)
def test_refusals_are_the_words_of_the_api(
    agent: Agent, busy: Server, choice: dict[str, Any], read: dict[str, Any]
) -> None:
    body = read | {"attribute_keys": {"domain_userid": ["x"]}}
    told = httpx.post(f"{busy.url}/api/v1/get-online-attributes", json=body, headers=bearer(busy.token))
    assert told.status_code == 404
    text = agent.refusal("get_attributes", attribute_key="domain_userid", identifier="x", **choice)
    assert text == told.json()["error"]


def test_a_key_that_a_group_is_not_read_by_is_told(agent: Agent) -> None:
    """Its values would all be null, as if nothing were known."""
    asked = {"attribute_key": "user_id", "identifier": "x"}
    text = agent.refusal("get_attributes", **asked, groups=[{"name": "ecom_attributes"}])
    assert text == "group ecom_attributes version 1 has no attribute key user_id; it has domain_userid"
    text = agent.refusal("get_attributes", **asked, services=["ecom_attributes"])
    assert text == "service ecom_attributes has no attribute key user_id; it has domain_userid"
    text = agent.refusal("get_attributes", **asked, groups=[{"name": "ecom_attributes", "version": 2}])
    assert text == "There is no published attribute group ecom_attributes version 2."


def test_readers_may_call_whichever_way_they_prove_themselves(busy: Server) -> None:
    key = new_key(busy, "reader")
    pair = {"X-API-Key-Id": key["id"], "X-API-Key": key["key"]}
    exchange = f"{busy.url}/api/msc/v1/organizations/{key['organization_id']}/credentials/v3/token"
    token = httpx.get(exchange, headers=pair).json()["accessToken"]
    for headers in (pair, bearer(key["key"]), bearer(token)):
        agent = Agent(lambda conversation, headers=headers: over_http(busy, headers, conversation))
        assert len(agent.answer("list_attribute_groups")["attribute_groups"]) == 1
    revoked = httpx.delete(f"{busy.url}/api/v1/api_keys/{key['id']}", headers=bearer(busy.token))
    assert revoked.status_code == 200
    for headers in (pair, bearer(key["key"]), bearer(token)):
        answer = posted(busy, headers)
        assert answer.status_code == 401
        assert "revoked" in answer.json()["error"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_without_credentials_nobody_is_let_in(busy: Server, method: str) -> None:
    key = new_key(busy, "reader")
    other = new_key(busy, "admin")
    for headers in (
        {},
        bearer("wrong"),
        {"X-API-Key-Id": key["id"]},
        {"X-API-Key": key["key"]},
        {"X-API-Key-Id": other["id"], "X-API-Key": key["key"]},
        {"X-API-Key-Id": key["id"], "X-API-Key": busy.token},
        bearer("wrong") | {"X-API-Key-Id": key["id"], "X-API-Key": key["key"]},
    ):
        answer = httpx.request(method, f"{busy.url}/mcp/", headers=PROTOCOL | headers, timeout=30)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"] == answer.json()["detail"]
    with pytest.raises(Exception):  # noqa: B017 - the SDK wraps what it meets in groups
        over_http(busy, bearer("wrong"), lambda client: client.list_tools())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"services": ["s"] * 26}, "services: List should have at most 25 items"),
        ({"groups": [{"name": "g"}] * 26}, "groups: List should have at most 25 items"),
        ({"services": ["s"] * 13, "groups": [{"name": "g"}] * 13}, "26 groups and services are asked for"),
        ({"groups": [{"name": "g", "attributes": ["a"] * 101}]}, "groups.0.attributes: List should have at most 100"),
        ({"groups": [{"name": "g", "attributes": ["a"] * 51}] * 2}, "102 attributes are named"),
        ({"services": ["s" * 129]}, "services.0: String should have at most 128 characters"),
        ({"groups": [{"name": "g", "attributes": ["a" * 129]}]}, "groups.0.attributes.0: String should have at most"),
        ({"services": ["no-hyphens"]}, "services.0: String should match pattern"),
        ({"groups": [{"name": "g", "version": 0}]}, "groups.0.version: Input should be greater than or equal to 1"),
        ({}, "Name services or groups to read."),
        ({"services": ["s"], "limit": 3}, "limit: Extra inputs are not permitted"),
        ({"groups": "not JSON"}, "groups: Input should be a valid list"),
        ({"services": [None] * 2}, "services.0: Input should be a valid string\nservices.1: Input"),
    ],
)
def test_limits(agent: Agent, arguments: dict[str, Any], words: str) -> None:
    asked = {"attribute_key": "domain_userid", "identifier": "x"}
    assert words in agent.refusal("get_attributes", **asked, **arguments)


def test_as_much_as_the_limits_allow_is_answered(agent: Agent) -> None:
    name = "ecom_attributes"
    part = {"name": name, "version": 1, "attributes": ["count_product_views"] * 100}
    answer = agent.answer(
        "get_attributes", attribute_key="domain_userid", identifier="x", services=[name] * 24, groups=[part]
    )
    assert len(answer["services"]) == 24


def test_drafts_are_off_unless_somebody_asks_for_them(agent: Agent) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        agent.call("draft_attribute_group", definition={})
    (refusal,) = raised.value.exceptions
    while isinstance(refusal, ExceptionGroup):
        (refusal,) = refusal.exceptions
    assert isinstance(refusal, MCPError)
    assert "There is no tool draft_attribute_group; there are list_attribute_groups, get_attributes, " in str(refusal)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_any_process_answers_any_request(busy: Server, mode: str) -> None:
    """Older clients begin with a handshake, whose answer another process has never seen."""
    closing = bearer(busy.token) | {"Connection": "close"}

    async def converse(client: Any) -> list[Any]:
        return [await client.call_tool("list_attribute_groups", {}) for _ in range(20)]

    answers = over_http(busy, closing, converse, mode)
    assert not any(answer.is_error for answer in answers)
    assert {answer.content[0].text for answer in answers} == {answers[0].content[0].text}


def test_a_page_with_a_name_of_its_own_is_refused(busy: Server, drafting: Server) -> None:
    for server, headers, status in (
        (busy, {}, 200),
        (busy, {"Host": "evil.example"}, 421),
        (busy, {"Host": "signals.example.com"}, 421),
        (busy, {"Origin": "https://evil.example"}, 403),
        (busy, {"Origin": "http://localhost:3000"}, 200),
        (drafting, {"Host": "signals.example.com"}, 200),
        (drafting, {"Host": "signals.example.com:8443", "Origin": "https://chat.example.com"}, 200),
        (drafting, {"Host": "evil.example"}, 421),
        (drafting, {"Origin": "https://evil.example"}, 403),
    ):
        answer = posted(server, bearer(server.token) | headers)
        assert answer.status_code == status, (server.url, headers, answer.text)


def test_what_is_not_the_protocol_is_the_fault_of_who_sends_it(busy: Server) -> None:
    auth = bearer(busy.token)
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        answer = httpx.request(method, f"{busy.url}/mcp", headers=PROTOCOL | auth)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for body in (b"", b"{", b"[]", b"null", b"\xff", b'{"jsonrpc": "2.0"}', b"[" * 100_000, b" " * (5 * 1024**2)):
        answer = httpx.post(f"{busy.url}/mcp", content=body, headers=PROTOCOL | auth, timeout=30)
        assert 400 <= answer.status_code < 500, (body[:20], answer.text)
    assert posted(busy, auth | {"Content-Type": "text/plain"}).status_code == 400
    assert posted(busy, auth | {"MCP-Protocol-Version": "1789-07-14"}).status_code == 400


def test_servers_that_no_agent_calls_do_not_load_the_sdk() -> None:
    code = (
        "import sys, snowmelt.runtimes.web\n"
        "assert not any(name.split('.')[0] in ('mcp', 'mcp_types', 'httpx2', 'jsonschema') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
