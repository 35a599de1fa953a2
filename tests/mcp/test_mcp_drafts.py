"""The tool that judges drafts: it tells everything and changes nothing."""

import copy
from typing import Any

import httpx
import pytest

from agents import Agent, bearer
from conftest import Server
from process_shop import tutorial_group

pytestmark = pytest.mark.process

KINDS = ("attribute_keys", "attribute_groups", "services", "interventions", "event_logs", "agentic_decisions")


def everything(server: Server) -> Any:
    """All that a registry has, and how much the log holds: a change of definitions is a record there."""
    auth = bearer(server.token)
    registry = {kind: httpx.get(f"{server.url}/api/v1/registry/{kind}", headers=auth).json() for kind in KINDS}
    return registry, server.metric("snowmelt_log_head")


def group(**members: Any) -> dict[str, Any]:
    return copy.deepcopy(tutorial_group()) | members


def test_they_are_offered_only_where_the_setting_says_so(drafter: Agent) -> None:
    offered = {tool.name: tool for tool in drafter.tools()}
    assert list(offered)[-1] == "draft_attribute_group"
    assert len(offered) == 5
    assert offered["draft_attribute_group"].annotations.read_only_hint is True


def test_it_says_what_would_change_and_changes_nothing(drafter: Agent, drafting: Server) -> None:
    before = everything(drafting)
    changed = group(attributes=[{"name": "views", "type": "int32", "aggregation": "counter"}])
    key = {"name": "basket", "property": {"type": "atomic", "name": "user_id"}}
    for definition, change, words in (
        (group(), "unchanged", "changes nothing"),
        (group(is_published=False), "unchanged", "changes nothing"),
        (group(version=2), "new_version", "ecom_attributes version 2"),
        (group(name="another", attribute_key=key), "new_group", "another version 1"),
        (changed, "refused", "Publish the new definition as version 2"),
        (group(name="odd", attribute_key={"name": "unheard_of"}), "invalid", "nothing says what identifies"),
    ):
        plan = drafter.answer("draft_attribute_group", definition=definition)
        assert (plan["change"], words in plan["text"]) == (change, True), plan
    assert drafter.answer("draft_attribute_group", definition=changed)["next_free_version"] == 2
    assert everything(drafting) == before


def test_all_problems_are_told_at_once(drafter: Agent) -> None:
    attributes = [
        {"name": "a", "type": "string", "aggregation": "counter"},
        {"name": "b", "type": "int32", "aggregation": "sum"},
        {"name": "c", "type": "int32"},
    ]
    plan = drafter.answer("draft_attribute_group", definition=group(name="no-hyphens", attributes=attributes))
    assert plan["change"] == "invalid"
    places = {tuple(problem["loc"][:2]) for problem in plan["problems"]}
    assert places == {("name",), ("attributes", 0), ("attributes", 1), ("attributes", 2)}
    assert all(problem["msg"] in plan["text"] for problem in plan["problems"])


@pytest.mark.parametrize("definition", [None, [], "nonsense", 3])
def test_what_is_no_definition(drafter: Agent, definition: Any) -> None:
    assert "definition: Input should be a valid dictionary" in drafter.refusal(
        "draft_attribute_group", definition=definition
    )
