"""Interventions, event logs and agentic decisions over HTTP."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RULES = "registry/interventions"
LOGS = "registry/event_logs"
DECISIONS = "registry/agentic_decisions"
NULLS = {"description": None, "target_attribute_keys": None, "payload_attribute_groups": None}
STAMPS = {"created_at", "updated_at"}


def rule(version: int = 1, **members: Any) -> dict[str, Any]:
    criteria = {"all": [{"attribute": "shop:views", "operator": ">", "value": 3}]}
    return {"name": "nudge", "version": version, "owner": "crm@example.com", "criteria": criteria, **members}


def event_log(**members: Any) -> dict[str, Any]:
    kept = {"event": {"name": "page_view"}, "properties": [{"type": "atomic", "name": "page_urlpath"}]}
    return {
        "name": "recent",
        "attribute_key": {"name": "domain_sessionid"},
        "events": [kept],
        "max_events": 50,
        "max_age_seconds": 1800,
        **members,
    }


def decision(**members: Any) -> dict[str, Any]:
    return {
        "name": "stuck",
        "attribute_key": {"name": "domain_sessionid"},
        "output_type": "enum",
        "values": [{"name": name, "description": f"The visitor is {name}."} for name in ("stuck", "progressing")],
        "decision_goal": "Does this visitor get on?",
        "contexts": ["recent"],
        "triggers": [{"type": "criteria", "criteria": rule()["criteria"]}],
        **members,
    }


@pytest.fixture
def shop(client: Any, group) -> dict[str, Any]:
    """A published group, as it was sent."""
    body = group(is_published=True)
    client.post("registry/attribute_groups", json=body)
    return body


@pytest.mark.parametrize("path", [RULES, LOGS, DECISIONS, "registry/agentic_attributes"])
def test_collections_answer_with_and_without_a_slash(client: Any, path: str) -> None:
    assert client.get(path).json() == client.get(f"{path}/").json() == []
    assert client.get(f"{path}/absent").status_code == 404
    assert "absent" in client.get(f"{path}/absent").json()["detail"]


def write(client: Any, body: dict[str, Any]) -> Any:
    """POST, and PUT if the answer is 400, as the public SDK does."""
    response = client.post(f"{RULES}/", json=body)
    if response.status_code == 400:
        response = client.put(f"{RULES}/{body['name']}/versions/{body['version']}", json=body)
    return response


def test_the_flow_of_the_public_client(client: Any, shop) -> None:
    created = write(client, rule(is_published=True))
    assert created.status_code == 201
    answer = created.json()
    assert {name: answer[name] for name in answer.keys() - STAMPS} == rule(is_published=True) | NULLS
    for path in (f"{RULES}/nudge", f"{RULES}/nudge/versions/1"):
        assert client.get(path).json() == answer
    for path in (RULES, f"{RULES}/nudge/versions"):
        assert client.get(path).json() == [answer]
    again = write(client, rule(is_published=True, payload_attribute_groups=[]))
    assert (again.status_code, again.json()) == (200, answer)
    edited = write(client, rule(is_published=True, description="Other"))
    assert edited.status_code == 409
    assert "version 2" in edited.json()["detail"]
    assert client.delete(f"{RULES}/nudge/versions/1").status_code == 409
    assert write(client, rule(2)).status_code == 201
    assert client.get(f"{RULES}/nudge").json()["version"] == 2
    off = write(client, rule(is_published=False))
    assert (off.status_code, off.json()["is_published"]) == (200, False)
    assert client.delete(f"{RULES}/nudge/versions/1").json() == {"ok": True}
    assert client.get(f"{RULES}/nudge/versions/1").status_code == 404


def test_every_problem_of_an_intervention_is_told_at_its_place(client: Any, shop) -> None:
    criteria = {
        "any": [
            {"attribute": "shop:views", "operator": "changed"},
            {"none": [{"attribute": "shop:clicks", "operator": "in", "value": 3}]},
        ]
    }
    links = {
        "target_attribute_keys": [{"name": "basket"}],
        "payload_attribute_groups": [{"name": "shop", "version": 3}],
    }
    response = client.post(RULES, json=rule(criteria=criteria, is_published=True, **links))
    assert response.status_code == 422
    assert [item["loc"][1:] for item in response.json()["detail"]] == [
        ["criteria", "any", 0, "operator"],
        ["criteria", "any", 1, "none", 0, "value"],
        ["target_attribute_keys", 0],
        ["criteria", "any", 1, "none", 0, "attribute"],
        ["payload_attribute_groups", 0],
    ]
    assert client.get(RULES).json() == []


def test_misfits_and_broken_rules_of_an_intervention_are_told_together(client: Any, shop) -> None:
    criteria = {"any": [{"attribute": "shop:views", "operator": "changed"}]}
    body = rule(name="a b", description="\x00", criteria=criteria)
    response = client.post(RULES, json=body)
    assert response.status_code == 422
    assert {tuple(item["loc"][:3]) for item in response.json()["detail"]} == {
        ("body", "name"),
        ("body", "description"),
        ("body", "criteria", "any"),
    }
    shapeless = client.post(RULES, json=rule(0, criteria={"all": [], "any": []}))
    assert [item["loc"] for item in shapeless.json()["detail"]] == [["body", "criteria"], ["body", "version"]]


def test_unpublishing_a_group_unpublishes_the_intervention(client: Any, shop) -> None:
    write(client, rule(is_published=True))
    path = "registry/attribute_groups/shop/versions/1"
    assert client.put(path, json=shop | {"is_published": False}).status_code == 200
    assert client.get(f"{RULES}/nudge").json()["is_published"] is False
    refused = client.put(f"{RULES}/nudge/versions/1", json=rule(is_published=True))
    assert [item["loc"] for item in refused.json()["detail"]] == [["body", "criteria", "all", 0, "attribute"]]


def states(client: Any, path: str) -> tuple[bool, bool]:
    answer = client.get(path).json()
    return answer["is_published"], answer["has_published_version"]


def test_the_flow_of_an_event_log(client: Any) -> None:
    created = client.post(f"{LOGS}/", json=event_log(is_published=True, prompt="Help."))
    assert created.status_code == 201
    answer = created.json()
    expected = event_log(prompt="Help.", is_published=False, has_published_version=False, version=1)
    assert {name: answer[name] for name in answer.keys() - STAMPS} == expected | {"description": None, "owner": None}
    assert client.post(f"{LOGS}/", json=event_log()).status_code == 400
    assert client.put(f"{LOGS}/recent", json=event_log()).json()["prompt"] is None
    reference = {"event_logs": [{"name": "recent"}]}
    assert client.post("engines/publish", json=reference).json() == {"status": "published"}
    assert states(client, f"{LOGS}/recent") == (True, True)
    assert client.put(f"{LOGS}/recent", json=event_log(max_events=7)).json()["max_events"] == 7
    assert states(client, f"{LOGS}/recent") == (False, True)
    assert client.delete(f"{LOGS}/recent").status_code == 409
    assert client.delete(f"{LOGS}/recent/draft").json() == {"ok": True}
    assert client.delete(f"{LOGS}/recent/draft").status_code == 404
    assert states(client, f"{LOGS}/recent") == (True, True)
    assert client.get(LOGS).json() == [client.get(f"{LOGS}/recent").json()]
    assert client.post("engines/unpublish", json=reference).json() == {"status": "unpublished"}
    assert client.delete(f"{LOGS}/recent/draft").status_code == 409
    assert client.delete(f"{LOGS}/recent").json() == {"ok": True}


def test_every_problem_of_an_event_log_is_told_at_its_place(client: Any) -> None:
    twice = [{"type": "atomic", "name": "page_title"}] * 2
    events = [
        {"event": {"name": "search"}, "properties": [{"type": "atomic", "name": "no_such_field"}]},
        {"event": {"name": "search", "version": "1-0-0", "major_version": 1}, "properties": twice},
    ]
    broken = [
        ["body", "attribute_key", "name"],
        ["body", "events", 1, "event", "major_version"],
        ["body", "events", 1, "properties", 1],
    ]
    response = client.post(LOGS, json=event_log(attribute_key={"name": "user_id"}, events=events, max_events=101))
    assert response.status_code == 422
    assert [item["loc"] for item in response.json()["detail"]] == [
        ["body", "events", 0, "properties", 0, "name"],
        ["body", "max_events"],
        *broken,
    ]
    response = client.post(LOGS, json=event_log(attribute_key={"name": "user_id"}, events=[events[1]] * 2))
    assert [item["loc"] for item in response.json()["detail"]][:1] == broken[:1]
    assert len(response.json()["detail"]) == 5


def test_agentic_decisions_have_two_names_and_one_store(client: Any, shop) -> None:
    attributes = "registry/agentic_attributes"
    created = client.post(DECISIONS, json=decision())
    assert created.status_code == 201
    assert created.json()["decision_goal"] == decision()["decision_goal"]
    other = client.get(f"{attributes}/stuck").json()
    assert other["goal"] == decision()["decision_goal"]
    assert "decision_goal" not in other
    assert client.get(attributes).json() == [other]
    assert client.post(attributes, json=decision()).status_code == 400
    changed = decision(goal="Is the visitor lost?")
    del changed["decision_goal"]
    assert client.put(f"{attributes}/stuck", json=changed).json()["goal"] == "Is the visitor lost?"
    assert client.get(f"{DECISIONS}/stuck").json()["decision_goal"] == "Is the visitor lost?"
    for path, member in ((DECISIONS, "decision_goal"), (attributes, "goal")):
        for goal in ("", None):
            missing = client.put(f"{path}/stuck", json=decision(decision_goal=goal))
            assert [item["loc"] for item in missing.json()["detail"]] == [["body", member]]


def test_agentic_decisions_say_that_nothing_evaluates_them(client: Any, shop) -> None:
    assert "not evaluated" in client.post(DECISIONS, json=decision()).json()["evaluation"]
    refused = client.post("engines/publish", json={"agentic_decisions": [{"name": "stuck"}]})
    assert [item["loc"] for item in refused.json()["detail"]] == [["body", "contexts", 0]]
    client.post(LOGS, json=event_log())
    both = {"event_logs": [{"name": "recent"}], "agentic_attributes": [{"name": "stuck"}]}
    published = client.post("engines/publish", json=both).json()
    assert published["status"] == "published"
    assert "not evaluated" in published["evaluation"]
    assert states(client, f"{DECISIONS}/stuck") == (True, True)
    assert client.post("engines/unpublish", json={"event_logs": [{"name": "recent"}]}).status_code == 409
    result = client.get("agentic_attribute?name=stuck&identifier=x")
    assert result.status_code == 501
    assert "stored and validated" in result.json()["error"]
    assert client.post("engines/unpublish", json=both).json() == {"status": "unpublished"}


def test_each_change_is_announced(client: Any, shop, changes) -> None:
    write(client, rule(is_published=True))
    assert changes.snapshots[-1]["interventions"][0]["intervention"]["name"] == "nudge"
    client.post(LOGS, json=event_log())
    client.post("engines/publish", json={"event_logs": [{"name": "recent"}]})
    assert changes.snapshots[-1]["event_logs"][0]["event_log"] == event_log(version=1)
    assert [snapshot["revision"] for snapshot in changes.snapshots] == [2, 3, 4, 5]


MISFITS = [None, True, 0, -1, 10**30, -(10**30), 1.5, "", "x", "\x00", "a" * 4000, "shop:views", [], [None], {}, [{}]]
BODIES = {
    RULES: (rule(is_published=True, target_attribute_keys=[{"name": "user_id"}]), "nudge/versions/1"),
    LOGS: (event_log(prompt="Help.", owner="ai@example.com"), "recent"),
    DECISIONS: (decision(evaluation_policy={"cooldown_seconds": 10}), "stuck"),
    "engines/publish": (
        {"interventions": [{"name": "nudge", "version": 1}], "event_logs": [{"name": "recent"}], "services": []},
        "",
    ),
}


def places(value: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place inside a body."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, part in inside for found in ((*place, name), *places(part, (*place, name)))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_no_misfit_anywhere_makes_the_server_fail(client: Any, path: str, data: st.DataObject) -> None:
    sent, item = BODIES[path]
    body = copy.deepcopy(sent)
    place = data.draw(st.sampled_from(places(body)))
    holder: Any = body
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = data.draw(st.sampled_from(MISFITS))
    answers = [client.post(path, json=body)]
    if item:
        answers.append(client.put(f"{path}/{item}", json=body))
    assert {answer.status_code for answer in answers} <= {200, 201, 400, 404, 409, 422}


@pytest.mark.parametrize("path", [RULES, "registry/attribute_groups"])
def test_no_version_is_larger_than_what_can_be_kept(client: Any, path: str, group) -> None:
    body = rule(10**30) if path == RULES else group(version=10**30)
    assert [item["loc"] for item in client.post(path, json=body).json()["detail"]] == [["body", "version"]]
    assert client.get(f"{path}/nudge/versions/{10**30}").status_code == 422


def test_criteria_that_are_nested_without_end(client: Any) -> None:
    for depth in (9, 255, 100_000):
        criteria = '{"all":[' * depth + '{"attribute":"shop:views","operator":"changed"}' + "]}" * depth
        body = json.dumps(rule(criteria="@")).replace('"@"', criteria)
        assert client.post(RULES, content=body).status_code == 422
