"""Plans: what publishing a group would do, without doing it."""

from typing import Any

import pytest

from snowmelt.stores.registry import Registry

PLANS = "registry/attribute_group_plans"
GROUPS = "registry/attribute_groups"


@pytest.fixture
def planned(client: Any, registry: Registry, changes: Any) -> Any:
    """Plans a group, and sees to it that nothing is changed or announced."""

    def ask(body: dict[str, Any]) -> dict[str, Any]:
        before = (registry.revision(), registry.snapshot(), registry.groups.all(), len(changes.snapshots))
        answer = client.post(PLANS, json=body)
        assert answer.status_code == 200, answer.text
        assert (registry.revision(), registry.snapshot(), registry.groups.all(), len(changes.snapshots)) == before
        return answer.json()

    return ask


def plain(body: dict[str, Any], **members: Any) -> dict[str, Any]:
    return body | {"attributes": [{"name": "views", "type": "int32", "aggregation": "counter"}]} | members


def test_a_group_or_a_version_that_is_new(planned: Any, client: Any, group: Any) -> None:
    plan = planned(group())
    assert (plan["change"], plan["name"], plan["version"], plan["problems"]) == ("new_group", "shop", 1, [])
    assert client.post(GROUPS, json=group(is_published=True)).status_code == 201
    plan = planned(plain(group(version=2)))
    assert (plan["change"], plan["version"], plan["next_free_version"]) == ("new_version", 2, None)


def test_what_is_published_already(planned: Any, client: Any, group: Any) -> None:
    client.post(GROUPS, json=group(is_published=True))
    assert planned(group())["change"] == "unchanged"
    # Publication is what is planned, whatever the definition says.
    assert planned(group(is_published=False))["change"] == "unchanged"
    client.post(GROUPS, json=group(version=4))
    plan = planned(plain(group()))
    refusal = client.put(f"{GROUPS}/shop/versions/1", json=plain(group(is_published=True)))
    assert refusal.status_code == 409
    assert (plan["change"], plan["text"]) == ("refused", refusal.json()["detail"])
    assert plan["next_free_version"] == 5


def test_drafts_and_what_becomes_of_their_values(planned: Any, client: Any, group: Any) -> None:
    client.post(GROUPS, json=group())
    plan = planned(group())
    assert (plan["change"], "without values" in plan["text"]) == ("publish", True)
    client.put(f"{GROUPS}/shop/versions/1", json=group(is_published=True))
    client.put(f"{GROUPS}/shop/versions/1", json=group())
    plan = planned(group())
    assert (plan["change"], "are continued" in plan["text"]) == ("publish", True)
    plan = planned(group(description="In other words."))
    assert (plan["change"], "are continued" in plan["text"]) == ("replace_draft", True)
    plan = planned(plain(group()))
    assert (plan["change"], "without values" in plan["text"]) == ("replace_draft", True)


def test_a_key_that_the_registry_knows_otherwise(planned: Any, client: Any, group: Any) -> None:
    key = {"name": "basket", "property": {"type": "atomic", "name": "user_id"}}
    assert planned(group(attribute_key=key))["change"] == "new_group"
    assert "basket" not in {one["name"] for one in client.get("registry/attribute_keys").json()}
    client.post("registry/attribute_keys", json=key | {"property": {"type": "atomic", "name": "domain_userid"}})
    plan = planned(group(attribute_key=key))
    refusal = client.post(GROUPS, json=group(attribute_key=key, is_published=True))
    assert refusal.status_code == 409
    assert (plan["change"], plan["text"]) == ("refused", refusal.json()["detail"])


@pytest.mark.parametrize(
    "attributes",
    [
        [],
        # Misfits and broken rules; a rule of the registry; what this engine cannot compute.
        [{"name": "a-b", "type": "int32", "aggregation": "sum"}, {"name": "c", "type": "list"}],
        [{"name": "same", "type": "int32", "aggregation": "counter"}] * 2,
        [{"name": "m", "type": "double", "aggregation": "mean", "property": {"type": "atomic", "name": "tr_total"}}],
    ],
)
def test_problems_are_those_of_the_real_thing(planned: Any, client: Any, group: Any, attributes: Any) -> None:
    plan = planned(group(attributes=attributes))
    refusal = client.post(GROUPS, json=group(attributes=attributes, is_published=True))
    assert refusal.status_code == 422
    told = refusal.json()["detail"]
    assert told
    assert plan["change"] == "invalid"
    assert plan["problems"] == [problem | {"loc": problem["loc"][1:]} for problem in told]
    assert all(problem["msg"] in plan["text"] for problem in told)


def test_a_body_that_is_no_object(client: Any) -> None:
    for body in ([], None, 3):
        assert client.post(PLANS, json=body).status_code == 422
    assert client.post(PLANS, content=b"{").status_code == 422


def test_a_reader_may_ask(registry: Registry, holder: Any, group: Any) -> None:
    reader = holder(registry.api_keys.create("reader").key)
    assert reader.post(PLANS, json=group()).status_code == 200
