"""Interventions: versions, states, what they look at, and what that takes along."""

import json

import pytest

from snowmelt.stores.registry import (
    AlreadyExists,
    InUse,
    InvalidDefinition,
    NotFound,
    PublishedVersion,
    References,
    Registry,
    StillPublished,
)

SPENT = [{"name": "spent", "type": "double", "aggregation": "sum", "property": {"type": "atomic", "name": "tr_total"}}]
VIEWS = [{"name": "views", "type": "int32", "aggregation": "counter"}]


@pytest.fixture
def published(registry: Registry, group) -> None:
    registry.groups.create(group(is_published=True))


def test_create_get_update_delete(registry: Registry, rule) -> None:
    first = registry.interventions.create(rule(version=2))
    second = registry.interventions.create(rule(version=5, description="Later"))
    assert (first.intervention, first.state_id) == (rule(version=2), None)
    assert registry.interventions.get("nudge") == second
    assert registry.interventions.versions("nudge") == registry.interventions.all() == [first, second]
    assert (
        registry.interventions.update(rule(version=2, owner="you@example.com")).intervention.owner == "you@example.com"
    )
    with pytest.raises(AlreadyExists, match="PUT registry/interventions/nudge/versions/2"):
        registry.interventions.create(rule(version=2, description="Other"))
    registry.interventions.delete("nudge", 5)
    assert registry.interventions.get("nudge").intervention.version == 2
    registry.interventions.delete("nudge", 2)
    for call in (registry.interventions.get, registry.interventions.versions):
        with pytest.raises(NotFound):
            call("nudge")
    with pytest.raises(NotFound):
        registry.interventions.update(rule(version=2))
    with pytest.raises(NotFound):
        registry.interventions.delete("nudge", 2)


def test_a_published_version_is_immutable(registry: Registry, published, rule) -> None:
    registry.interventions.create(rule(is_published=True))
    revision = registry.revision()
    assert registry.interventions.update(rule(is_published=True, payload_attribute_groups=[])).state_id
    assert registry.revision() == revision
    registry.interventions.create(rule(version=4))
    for state in (True, False):
        with pytest.raises(PublishedVersion, match="as version 5") as caught:
            registry.interventions.update(rule(description="New", is_published=state))
        assert caught.value.next_free == 5
    with pytest.raises(StillPublished, match="Intervention nudge version 1"):
        registry.interventions.delete("nudge", 1)
    assert not registry.interventions.update(rule()).intervention.is_published
    assert registry.interventions.update(rule(description="New", is_published=True)).intervention.is_published


def test_what_is_published_must_look_at_what_is_published(registry: Registry, group, rule) -> None:
    """A draft may look at anything; every problem of a publication is told, with its place."""
    registry.groups.create(group())
    absent = {"attribute": "absent:views", "operator": "changed"}
    several = rule(
        criteria={"all": [rule().criteria.to_wire(), {"any": [absent]}]},
        payload_attribute_groups=[{"name": "shop"}, {"name": "shop", "version": 7}],
        target_attribute_keys=[{"name": "domain_userid"}],
    )
    with pytest.raises(InvalidDefinition) as caught:
        registry.interventions.create(several.model_copy(update={"is_published": True}))
    assert [problem.loc for problem in caught.value.problems] == [
        ("criteria", "all", 1, "any", 0, "operator"),
        ("criteria", "all", 0, "attribute"),
        ("criteria", "all", 1, "any", 0, "attribute"),
        ("payload_attribute_groups", 0),
        ("payload_attribute_groups", 1),
    ]
    registry.interventions.create(rule(payload_attribute_groups=[{"name": "shop"}]))
    with pytest.raises(InvalidDefinition):
        registry.publishing.publish(References(interventions=[("nudge", 1)]))
    registry.publishing.publish(References(interventions=[("nudge", 1)], groups=[("shop", 1)]))
    assert registry.interventions.get("nudge").intervention.is_published


def test_unknown_target_keys_are_refused_even_in_a_draft(registry: Registry, rule) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        registry.interventions.create(rule(target_attribute_keys=[{"name": "user_id"}, {"name": "basket"}]))
    assert [problem.loc for problem in caught.value.problems] == [("target_attribute_keys", 1)]


def test_unpublishing_a_group_takes_along_what_looks_at_it(registry: Registry, group, rule) -> None:
    """The version that the criteria mean, or one that is sent along; not an older version beside it."""
    for version, attributes in ((1, VIEWS), (2, VIEWS), (3, SPENT)):
        registry.groups.create(group(version=version, attributes=attributes, is_published=True))
    registry.groups.create(group("profile", is_published=True))
    registry.interventions.create(rule(is_published=True))
    registry.interventions.create(rule("payload", is_published=True, payload_attribute_groups=[{"name": "profile"}]))
    registry.interventions.create(rule("draft"))

    def live() -> list[str]:
        return [stored.intervention.name for stored in registry.interventions.all(published_only=True)]

    registry.groups.update(group(version=1))
    registry.groups.update(group(version=3, attributes=SPENT))
    assert live() == ["nudge", "payload"]
    registry.groups.update(group("profile"))
    assert live() == ["nudge"]
    registry.publishing.unpublish(References(groups=[("shop", 2)]))
    assert live() == []
    registry.groups.delete("shop", 2)


def test_a_refused_unpublication_takes_nothing_along(registry: Registry, published, rule, service) -> None:
    registry.interventions.create(rule(is_published=True))
    registry.services.create(service("storefront", ("shop", 1)))
    with pytest.raises(InUse, match="service storefront"):
        registry.publishing.unpublish(References(groups=[("shop", 1)]))
    assert registry.interventions.get("nudge").intervention.is_published


def test_a_key_that_is_a_target_stays(registry: Registry, rule) -> None:
    registry.keys.create(registry.keys.get("user_id").key.model_copy(update={"name": "person", "is_published": False}))
    registry.interventions.create(rule(target_attribute_keys=[{"name": "person"}]))
    with pytest.raises(InUse, match="intervention nudge version 1"):
        registry.keys.delete("person")
    registry.interventions.delete("nudge", 1)
    registry.keys.delete("person")


def test_the_engine_is_told_what_names_mean(registry: Registry, group, rule) -> None:
    registry.groups.create(group(is_published=True))
    registry.groups.create(group("visits", attribute_key={"name": "domain_sessionid"}, is_published=True))
    criteria = {"any": [{"attribute": f"{name}:views", "operator": ">", "value": 1} for name in ("visits", "shop")]}
    both = registry.interventions.create(rule("both", criteria=criteria, is_published=True))
    one = registry.interventions.create(rule(is_published=True, target_attribute_keys=[{"name": "domain_userid"}]))
    registry.interventions.create(rule("draft"))
    registry.groups.create(group(version=4, is_published=True))

    def definition(key: str) -> dict[str, object]:
        return registry.keys.get(key).key.to_wire()

    assert json.loads(registry.snapshot())["interventions"] == [
        {
            "state_id": both.state_id,
            "since": int(both.updated_at.timestamp() * 1000),
            "targets": ["domain_sessionid", "user_id"],
            "sources": {"visits:views": 1, "shop:views": 4},
            "intervention": both.intervention.to_wire(),
            "keys": {name: definition(name) for name in ("domain_sessionid", "user_id")},
        },
        {
            "state_id": one.state_id,
            "since": int(one.updated_at.timestamp() * 1000),
            "targets": ["domain_userid"],
            "sources": {"shop:views": 4},
            "intervention": one.intervention.to_wire(),
            "keys": {"domain_userid": definition("domain_userid")},
        },
    ]


def test_for_whom_it_has_fired_is_known_as_long_as_it_means_the_same(registry: Registry, published, rule) -> None:
    first = registry.interventions.create(rule(is_published=True)).state_id
    assert registry.interventions.update(rule()).state_id == first
    assert json.loads(registry.snapshot())["resting"] == [first]
    assert registry.interventions.update(rule(is_published=True)).state_id == first
    assert json.loads(registry.snapshot())["resting"] == []
    registry.interventions.update(rule())
    assert registry.interventions.update(rule(description="Other words")).state_id is None
    second = registry.interventions.update(rule(description="Other words", is_published=True)).state_id
    registry.interventions.update(rule(description="Other words"))
    registry.interventions.delete("nudge", 1)
    third = registry.interventions.create(rule(is_published=True)).state_id
    assert len({registry.groups.get("shop").state_id, first, second, third}) == 4
