"""``snowmelt mcp``: the same tools on standard input and output."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents import Agent, bearer, outside, over_stdio
from conftest import Server
from process_shop import Shop, shop_event, tutorial_group
from snowmelt.api.auth import UNKNOWN

pytestmark = pytest.mark.process

COMMAND = [sys.executable, "-m", "snowmelt", "mcp"]


def described(tools: list[Any]) -> list[Any]:
    return [tool.model_dump() for tool in tools]


def test_the_tools_and_their_answers_are_those_of_the_server(busy: Server, agent: Agent) -> None:
    shop, user = Shop(busy.url, busy.token), str(uuid.uuid4())
    shop.track([shop_event(user, "add_to_cart", 3.5)])
    shop.http.close()
    busy.flush()
    asked = {"attribute_key": "domain_userid", "identifier": user}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_attribute_groups", {}),
        ("list_attribute_groups", {"names": ["nowhere"]}),
        ("get_attributes", asked | {"services": ["ecom_attributes"], "groups": [{"name": "ecom_attributes"}]}),
        ("get_attributes", asked | {"services": ["nowhere"]}),
        ("get_attributes", asked | {"groups": [{"name": "ecom_attributes", "version": 9, "attributes": ["x"]}]}),
        ("get_attributes", asked | {"attribute_key": "unheard_of", "services": ["nowhere"]}),
        ("get_attributes", asked | {"services": ["s"] * 26}),
        ("get_agentic_context", {"name": "nowhere", "identifier": "x"}),
        ("list_agentic_contexts", {}),
        ("get_agentic_context", {"name": "recent_activity", "identifier": "nobody"}),
        ("get_agentic_context", {"name": "recent_activity", "identifier": "nobody", "format": "narrative"}),
    ]

    async def converse(client: Any) -> list[Any]:
        return [await client.call_tool(name, arguments) for name, arguments in calls]

    options = ["--data-dir", str(busy.data_dir)]
    answers = over_stdio(busy, options, converse)
    assert [answer.is_error for answer in answers] == [False, True, False, *[True] * 5, False, False, False]
    assert answers[2].structured_content["services"][0]["values"]["total_cart_value"] == 3.5
    for (name, arguments), answer in zip(calls, answers, strict=True):
        inside = agent.call(name, **arguments)
        assert (answer.is_error, answer.content) == (inside.is_error, inside.content), name
        assert answer.structured_content == inside.structured_content
    assert described(outside(busy).tools()) == described(agent.tools())


def test_older_agents_are_served_too(busy: Server) -> None:
    assert len(outside(busy, mode="legacy").answer("list_attribute_groups")["attribute_groups"]) == 1


def test_drafts_come_with_a_flag_or_the_setting_and_change_nothing(busy: Server, drafting: Server) -> None:
    here = ("--url", busy.url, "--token", busy.token)
    assert "draft_attribute_group" not in [tool.name for tool in outside(busy, *here).tools()]
    groups = f"{busy.url}/api/v1/registry/attribute_groups"
    before = httpx.get(groups, headers=bearer(busy.token)).json()
    drafter = outside(busy, *here, "--drafts")
    assert drafter.answer("draft_attribute_group", definition=tutorial_group())["change"] == "unchanged"
    assert drafter.answer("draft_attribute_group", definition=tutorial_group() | {"version": 2})["version"] == 2
    wrong = drafter.call("draft_attribute_group", definition={"name": "shop"})
    assert (wrong.is_error, wrong.structured_content["change"]) == (False, "invalid")
    assert wrong.content[0].text == wrong.structured_content["text"]
    assert httpx.get(groups, headers=bearer(busy.token)).json() == before
    # The folder that it is started in has a file of settings.
    there = ("--url", drafting.url, "--token", drafting.token)
    assert "draft_attribute_group" in [tool.name for tool in outside(drafting, *there).tools()]
    assert "draft_attribute_group" not in [tool.name for tool in outside(drafting, *there, "--no-drafts").tools()]


def test_what_the_server_refuses_is_told_in_its_words(busy: Server) -> None:
    assert outside(busy, "--url", busy.url, "--token", "wrong").refusal("list_attribute_groups") == UNKNOWN
    gone = outside(busy, "--url", "http://127.0.0.1:9", "--token", "t").refusal("list_attribute_groups")
    assert "127.0.0.1:9" in gone


def test_nothing_but_the_protocol_is_on_standard_output(busy: Server) -> None:
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_attribute_groups"}},
        {"jsonrpc": "2.0", "id": 3, "method": "nonsense"},
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines) + "this is no JSON\n"
    process = subprocess.Popen(
        [*COMMAND, "--url", busy.url, "--token", busy.token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=busy.data_dir.parent,
        env=clean_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(text)
        process.stdin.flush()
        answered: set[Any] = set()
        while not answered >= {1, 2, 3}:
            message = json.loads(process.stdout.readline())
            assert message["jsonrpc"] == "2.0"
            answered.add(message.get("id"))
        rest, _ = process.communicate(timeout=30)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())
    # An agent that closes the input has ended the command.
    assert process.returncode == 0


def test_without_a_server_it_says_so_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, cwd=tmp_path, env=clean_environment(), stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no data folder" in done.stderr


INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "a test", "version": "1"},
}


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
