"""When two definitions mean the same."""

from typing import Any

import pytest

from snowmelt.definitions import (
    AttributeGroup,
    AttributeKey,
    EventLog,
    RuleIntervention,
    Service,
    domain_userid,
    read_group,
)
from snowmelt.definitions.identity import differing_members, same_definition, same_profiles
from snowmelt.definitions.wire import AttributeGroupResponse, group_response

PRICE = {"type": "entity", "vendor": "com.example", "name": "product", "major_version": 1, "path": "price"}
SPENT = {
    "name": "spent",
    "type": "double",
    "aggregation": "sum",
    "property": PRICE,
    "events": [{"name": "purchase"}],
    "period": "P7D",
}
GROUP = {"name": "shop", "attribute_key": {"name": "user_id"}, "attributes": [SPENT], "ttl": "P365D"}


def spent(**members: Any) -> dict[str, Any]:
    return GROUP | {"attributes": [SPENT | members]}


@pytest.mark.parametrize(
    "other",
    [
        GROUP | {"is_published": True},
        GROUP | {"version": 1, "online": False, "offline": False, "fields": [], "batch_source": None},
        GROUP | {"ttl": "P1Y"},
        GROUP | {"ttl": 365 * 86400},
        GROUP | {"attribute_key": {"name": "user_id", "key": "user_id", "description": "A user.", "ttl": "P1D"}},
        GROUP | {"full_name": "shop_v1", "something": "new"},
        spent(period="PT168H"),
        spent(criteria={}),
        spent(criteria={"all": [], "any": None}),
        spent(property=PRICE | {"index": 0, "date_part": None}),
        spent(property=PRICE | {"path": "$.price"}),
        spent(description=None, default_value=None),
    ],
)
def test_written_otherwise(other: dict[str, Any]) -> None:
    group = read_group(GROUP)
    assert differing_members(group, read_group(other)) == []
    assert same_definition(AttributeGroup.model_validate(other), group)


@pytest.mark.parametrize(
    ("other", "members"),
    [
        (GROUP | {"name": "web"}, ["name"]),
        (GROUP | {"version": 2}, ["version"]),
        (GROUP | {"ttl": "P364D"}, ["ttl"]),
        (GROUP | {"ttl": None, "owner": "data@shop.example.com"}, ["owner", "ttl"]),
        (GROUP | {"attribute_key": {"name": "domain_userid"}}, ["attribute_key"]),
        (GROUP | {"attribute_key": {"name": "user_id", "key": "txn_id"}}, []),
        (GROUP | {"offline": True}, ["offline"]),
        (spent(property=PRICE | {"type": "event"}), ["attributes"]),
        (spent(property=PRICE | {"index": 1}), ["attributes"]),
        (spent(default_value=0), ["attributes"]),
        (spent(events=[]), ["attributes"]),
        (spent(name="paid"), ["attributes"]),
        (GROUP | {"attributes": [SPENT, SPENT | {"name": "b"}]}, ["attributes"]),
    ],
)
def test_meant_otherwise(other: dict[str, Any], members: list[str]) -> None:
    assert differing_members(read_group(GROUP), read_group(other)) == members


def test_keys_of_groups_contradict_each_other() -> None:
    one, two = (read_group(GROUP | {"attribute_key": {"name": "user_id", "key": key}}) for key in ("user_id", "txn_id"))
    assert differing_members(one, two) == ["attribute_key"]


@pytest.mark.parametrize(("a", "b"), [(0, False), (1, True), (1, 1.0), ("1", 1), ([], [0])])
def test_types_of_defaults_matter(a: Any, b: Any) -> None:
    assert not same_definition(read_group(spent(default_value=a)), read_group(spent(default_value=b)))


def test_order_matters() -> None:
    attributes = [SPENT, SPENT | {"name": "paid"}]
    assert not same_definition(
        read_group(GROUP | {"attributes": attributes}), read_group(GROUP | {"attributes": attributes[::-1]})
    )


def test_instants_are_compared_as_instants() -> None:
    one = read_group(GROUP | {"backfill_since_tstamp": "2026-01-01T00:00:00Z"})
    two = read_group(GROUP | {"backfill_since_tstamp": "2026-01-01T02:00:00+02:00"})
    assert same_definition(one, two)


def test_answers_mean_what_was_sent() -> None:
    group = read_group(GROUP)
    answer = AttributeGroupResponse.model_validate(group_response(group).to_wire())
    assert differing_members(answer, group) == []


def test_keys() -> None:
    assert same_definition(AttributeKey(name="user_id"), AttributeKey(name="user_id", key="user_id"))
    assert same_definition(domain_userid, domain_userid.model_copy(update={"is_published": True}))
    assert differing_members(domain_userid, domain_userid.model_copy(update={"description": "A browser."})) == [
        "description"
    ]
    assert same_profiles(domain_userid, AttributeKey(name="domain_userid", ttl="P1D"))
    assert not same_profiles(domain_userid, AttributeKey(name="domain_userid", key="user_id"))
    assert not same_profiles(domain_userid, AttributeKey(name="user", key="domain_userid"))


def test_services_interventions_and_logs() -> None:
    service = Service.model_validate({"name": "store", "attribute_groups": [{"name": "shop"}]})
    explicit = Service.model_validate({"name": "store", "attribute_groups": [{"name": "shop", "version": 1}]})
    assert same_definition(service, explicit)
    assert differing_members(service, explicit.model_copy(update={"description": "x"})) == ["description"]

    rule = {"name": "hello", "criteria": {"all": [{"attribute": "a:b", "operator": "is null"}]}}
    one = RuleIntervention.model_validate(rule)
    assert same_definition(one, RuleIntervention.model_validate(rule | {"target_attribute_keys": []}))
    assert differing_members(
        one,
        RuleIntervention.model_validate(rule | {"criteria": {"any": rule["criteria"]["all"]}}),  # type: ignore[index]
    ) == ["criteria"]

    log = {
        "name": "recent",
        "attribute_key": {"name": "domain_sessionid"},
        "events": [{"event": {"name": "search"}, "properties": [{"name": "page_title"}]}],
        "max_events": 5,
        "max_age_seconds": 60,
    }
    assert same_definition(EventLog.model_validate(log), EventLog.model_validate(log | {"is_published": True}))
    assert differing_members(EventLog.model_validate(log), EventLog.model_validate(log | {"max_events": 6})) == [
        "max_events"
    ]


def test_kinds_of_definitions_differ() -> None:
    service = Service.model_validate({"name": "user_id", "attribute_groups": [{"name": "shop"}]})
    assert differing_members(service, AttributeKey(name="user_id")) == ["type"]
