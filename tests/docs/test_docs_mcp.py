"""What the page on agents shows connects them, and what it lists is there."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from agents import Agent, bearer, outside, over_http
from snowmelt.definitions.wire.plans import PlannedChange
from snowmelt.mcp.tools import tools
from snowmelt.settings import Settings

PAGE = "docs/mcp.md"
Examples = Callable[[str, str], list[Any]]
Table = Callable[[str, str], list[list[str]]]


@pytest.mark.process
def test_the_files_of_agents_connect_them(server: Any, examples: Examples) -> None:
    """Only the address, the key and the place of the command differ."""
    made = httpx.post(f"{server.url}/api/v1/api_keys", json={"role": "reader"}, headers=bearer(server.token)).json()

    def shown(label: str) -> dict[str, Any]:
        (example,) = examples(PAGE, label)
        text = example.code.replace("https://signals.example.com", server.url)
        text = text.replace('"KEY_ID"', json.dumps(made["id"])).replace('"KEY"', json.dumps(made["key"]))
        return dict(json.loads(text)["mcpServers"]["snowmelt"])

    http = shown("http")
    assert http["url"] == f"{server.url}/mcp"
    agent = Agent(lambda conversation: over_http(server, http["headers"], conversation))
    assert agent.answer("list_attribute_groups") == {"attribute_groups": [], "services": []}

    stdio = shown("stdio")
    assert (stdio["command"], stdio["args"][0]) == (Path(sys.executable).with_name("snowmelt").name, "mcp")
    agent = outside(server, *stdio["args"][1:], env=stdio["env"])
    assert agent.answer("list_attribute_groups") == {"attribute_groups": [], "services": []}


def test_the_tools_and_their_arguments_are_those_that_there_are(table: Table) -> None:
    rows = table(PAGE, "tool | arguments")
    offered = tools(drafts=True)
    assert [row[0] for row in rows] == [tool.name for tool in offered]
    for row, tool in zip(rows, offered, strict=True):
        for argument in tool.arguments.model_fields:
            assert argument in row[1], (tool.name, argument)


def test_the_outcomes_of_plans_are_those_that_there_are(table: Table) -> None:
    told = [name for row in table(PAGE, "change | publishing") for name in row[0].split(", ")]
    assert told == list(get_args(PlannedChange))


def test_the_settings_are_some(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples(PAGE, "toml")
    (tmp_path / "snowmelt.toml").write_text(example.code)
    monkeypatch.chdir(tmp_path)
    settings = Settings().mcp
    assert (settings.hosts, settings.origins) == (["signals.example.com"], ["https://chat.example.com"])
    assert settings.drafts is False
