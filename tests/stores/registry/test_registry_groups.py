"""The rules of attribute groups: versions, immutability, states, keys."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowmelt.definitions import StreamAttributeGroup
from snowmelt.stores.registry import (
    AlreadyExists,
    InUse,
    InvalidDefinition,
    KeyConflict,
    NotFound,
    PublishedVersion,
    References,
    Refused,
    Registry,
    RegistryError,
    StillPublished,
)

SUM = [
    {
        "name": "spent",
        "type": "double",
        "aggregation": "sum",
        "property": {"type": "atomic", "name": "tr_total"},
    }
]
ACCOUNT = {
    "name": "account",
    "property": {
        "type": "entity",
        "vendor": "com.acme",
        "name": "user",
        "major_version": 1,
        "path": "account_id",
    },
}


def test_create_and_get(registry: Registry, group, clock) -> None:
    created = registry.groups.create(group())
    assert isinstance(created.group, StreamAttributeGroup)
    assert created.created_at == created.updated_at == clock.now
    assert created.published_at is None
    assert registry.groups.get("shop", 1) == created


def test_the_latest_version_is_the_highest(registry: Registry, group) -> None:
    registry.groups.create(group(version=7))
    registry.groups.create(group(version=3, is_published=True))
    assert registry.groups.get("shop").group.version == 7
    assert [stored.group.version for stored in registry.groups.versions("shop")] == [3, 7]


def test_missing_groups(registry: Registry, group) -> None:
    registry.groups.create(group())
    for call in (
        lambda: registry.groups.get("shop", 2),
        lambda: registry.groups.get("other"),
        lambda: registry.groups.versions("other"),
        lambda: registry.groups.update(group(version=2)),
        lambda: registry.groups.delete("shop", 2),
    ):
        with pytest.raises(NotFound):
            call()


def test_creating_twice_is_refused_whatever_the_definition(registry: Registry, group) -> None:
    registry.groups.create(group(is_published=True))
    for again in (group(is_published=True), group(attributes=SUM), group(attributes=[], is_published=True)):
        with pytest.raises(AlreadyExists):
            registry.groups.create(again)


def test_a_published_version_is_accepted_again_unchanged(registry: Registry, group) -> None:
    first = registry.groups.create(group(is_published=True, ttl="P1Y"))
    revision = registry.revision()
    again = registry.groups.update(group(is_published=True, ttl="P365D", fields=[], description=None))
    assert again == first
    assert registry.revision() == revision


def test_a_published_version_cannot_change(registry: Registry, group) -> None:
    registry.groups.create(group(is_published=True))
    registry.groups.create(group(version=4))
    with pytest.raises(PublishedVersion, match="version 5") as refusal:
        registry.groups.update(group(is_published=True, attributes=SUM))
    assert refusal.value.next_free == 5
    with pytest.raises(PublishedVersion):
        registry.groups.update(group(is_published=False, attributes=SUM))
    assert registry.groups.get("shop", 1).group.is_published


def test_unpublishing_and_republishing_keep_the_values(registry: Registry, group, clock) -> None:
    first = registry.groups.create(group(is_published=True))
    clock.forward(hours=1)
    frozen = registry.groups.update(group(is_published=False))
    assert not frozen.group.is_published
    assert frozen.state_id == first.state_id
    clock.forward(hours=1)
    resumed = registry.groups.update(group(is_published=True))
    assert resumed.group.is_published
    assert (resumed.state_id, resumed.published_at) == (first.state_id, first.published_at)
    assert resumed.updated_at - resumed.created_at == timedelta(hours=2)


def test_an_edited_version_starts_without_values(registry: Registry, group) -> None:
    first = registry.groups.create(group(is_published=True))
    registry.groups.update(group(is_published=False))
    edited = registry.groups.update(group(attributes=SUM))
    assert edited.state_id != first.state_id
    assert edited.published_at is None


def test_words_about_a_version_leave_its_values(registry: Registry, group) -> None:
    first = registry.groups.create(group(is_published=True))
    registry.groups.update(group(is_published=False))
    edited = registry.groups.update(group(description="What visitors do", owner="crm@example.com"))
    assert edited.group.description == "What visitors do"
    assert edited.state_id == first.state_id


def test_state_ids_are_never_used_again(registry: Registry, group) -> None:
    seen = set()
    for _ in range(3):
        stored = registry.groups.create(group())
        seen.add(stored.state_id)
        seen.add(registry.groups.update(group(attributes=SUM)).state_id)
        registry.groups.delete("shop", 1)
    assert len(seen) == 6


def test_delete(registry: Registry, group) -> None:
    registry.groups.create(group(is_published=True))
    with pytest.raises(StillPublished):
        registry.groups.delete("shop", 1)
    registry.groups.update(group(is_published=False))
    registry.groups.delete("shop", 1)
    assert registry.groups.all() == []


def test_a_group_in_a_service_stays(registry: Registry, group, service) -> None:
    registry.groups.create(group(is_published=True))
    registry.services.create(service("storefront", ("shop", 1)))
    registry.services.create(service("mail", ("shop", 1), is_published=True))
    with pytest.raises(InUse, match="service mail, service storefront"):
        registry.groups.update(group(is_published=False))
    with pytest.raises(Refused):
        registry.groups.delete("shop", 1)


def test_a_draft_may_be_incomplete_but_not_published(registry: Registry, group) -> None:
    registry.groups.create(group(attributes=[]))
    with pytest.raises(InvalidDefinition):
        registry.groups.update(group(attributes=[], is_published=True))
    with pytest.raises(InvalidDefinition):
        registry.publishing.publish(References(groups=[("shop", 1)]))
    assert not registry.groups.get("shop").group.is_published


def test_every_problem_is_listed(registry: Registry, group) -> None:
    wrong = [
        {"name": "a", "type": "double", "aggregation": "sum"},
        {
            "name": "a",
            "type": "int32",
            "aggregation": "unique_list",
            "property": {"type": "atomic", "name": "platform"},
        },
    ]
    with pytest.raises(InvalidDefinition) as refusal:
        registry.groups.create(group(attributes=wrong))
    assert {problem.loc[:2] for problem in refusal.value.problems} == {("attributes", 0), ("attributes", 1)}
    assert registry.groups.all() == []


def test_publishing_registers_a_key_that_says_what_it_identifies(registry: Registry, group) -> None:
    registry.groups.create(group(attribute_key=ACCOUNT))
    with pytest.raises(NotFound):
        registry.keys.get("account")
    registry.publishing.publish(References(groups=[("shop", 1)]))
    stored = registry.keys.get("account")
    assert stored.key.is_published
    assert registry.groups.get("shop").group.attribute_key == stored.key


def test_publishing_with_a_key_that_identifies_nothing(registry: Registry, group) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        registry.groups.create(group(attribute_key={"name": "mystery"}, is_published=True))
    assert [problem.loc for problem in refusal.value.problems] == [("attribute_key", "property")]


def test_publishing_from_events_with_a_key_that_only_tables_have(registry: Registry, group) -> None:
    column = {"name": "customer_id", "external_column": "customer_id"}
    with pytest.raises(InvalidDefinition) as refusal:
        registry.groups.create(group(attribute_key=column, is_published=True))
    assert [problem.loc for problem in refusal.value.problems] == [("attribute_key", "property")]
    with pytest.raises(NotFound):
        registry.keys.get("customer_id")


def test_a_backfill_starts_in_the_past(registry: Registry, group, clock) -> None:
    with pytest.raises(InvalidDefinition):
        registry.groups.create(group(backfill_since_tstamp="2026-01-01T00:00:01Z"))
    registry.groups.create(group(backfill_since_tstamp="2026-01-01T00:00:00Z"))


def test_a_registered_key_wins_over_the_groups_description(registry: Registry, group) -> None:
    key = {"name": "user_id", "description": "mine", "ttl": "P1D", "owner": "me"}
    stored = registry.groups.create(group(attribute_key=key, is_published=True))
    assert stored.group.attribute_key == registry.keys.get("user_id").key
    # The same profiles, said otherwise.
    other_words = {"name": "user_id", "property": {"type": "atomic", "name": "user_id"}}
    assert registry.groups.update(group(attribute_key=other_words, is_published=True)) == stored


def test_a_contradicting_key_is_refused(registry: Registry, group) -> None:
    with pytest.raises(KeyConflict, match="another key"):
        registry.groups.create(group(attribute_key={"name": "user_id", "key": "domain_userid"}))
    with pytest.raises(KeyConflict, match="another property"):
        registry.groups.create(group(attribute_key=ACCOUNT | {"name": "user_id"}))


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["create", "publish", "unpublish", "edit", "delete"]),
        st.integers(1, 2),
        st.sampled_from([None, "first", "second"]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_laws_of_any_history(tmp_path_factory: pytest.TempPathFactory, group, moves) -> None:
    """Published content never changes, a state id belongs to one content, revisions count the changes."""
    owners: dict[int, tuple[int, str]] = {}
    with Registry.open(tmp_path_factory.mktemp("history") / "registry.sqlite") as registry:
        for move, version, name in moves:
            before = {stored.group.version: stored for stored in registry.groups.all()}
            revision = registry.revision()
            attributes = [{"name": name or "views", "type": "int32", "aggregation": "counter"}]
            try:
                match move:
                    case "create":
                        registry.groups.create(group(version=version, attributes=attributes))
                    case "publish":
                        registry.publishing.publish(References(groups=[("shop", version)]))
                    case "unpublish":
                        registry.publishing.unpublish(References(groups=[("shop", version)]))
                    case "edit":
                        registry.groups.update(group(version=version, attributes=attributes))
                    case "delete":
                        registry.groups.delete("shop", version)
            except RegistryError:
                assert registry.revision() == revision
            after = {stored.group.version: stored for stored in registry.groups.all()}
            assert registry.revision() == revision + (before != after)
            for number, stored in after.items():
                content = (number, stored.group.column_names()[0])
                assert owners.setdefault(stored.state_id, content) == content
            for number, stored in before.items():
                if stored.group.is_published:
                    assert after[number].group.attributes == stored.group.attributes


def test_a_plan_is_what_then_happens(registry: Registry, group) -> None:
    """Every step is planned first; the plan leaves everything as it is and comes true to the number of the state."""
    other = {"attributes": [{"name": "visits", "type": "int64", "aggregation": "counter"}]}
    steps = (
        group(),
        group(description="In other words."),
        group(is_published=True, description="In other words."),
        group(version=3, is_published=True, **other),
        group(is_published=False, description="In other words."),
        group(is_published=True, **other),
    )
    for step in steps:
        before = (registry.revision(), registry.snapshot(), registry.groups.all(), registry.keys.all())
        plan = registry.groups.plan(step)
        assert (registry.revision(), registry.snapshot(), registry.groups.all(), registry.keys.all()) == before
        there = {stored.group.version for stored in before[2]}
        assert plan.highest == max(there, default=None)
        done = registry.groups.create(step) if step.version not in there else registry.groups.update(step)
        assert plan.after == done
        assert plan.before == next((stored for stored in before[2] if stored.group.version == step.version), None)
    refused = group(version=3, is_published=True)
    for attempt in (registry.groups.plan, registry.groups.update):
        with pytest.raises(PublishedVersion, match="version 4"):
            attempt(refused)
