"""How definitions are built in code and read from JSON: defaults, derivations, leniency, refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from snowmelt.definitions import (
    AtomicProperty,
    Attribute,
    AttributeGroup,
    AttributeKey,
    BatchAttributeGroup,
    BatchSource,
    CalculatedProperty,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventLog,
    EventLogAtomicProperty,
    EventLogEvent,
    EventProperty,
    EventSelection,
    ExternalBatchAttributeGroup,
    Field,
    InterventionCriteriaAll,
    InterventionCriteriaAny,
    InterventionCriteriaNone,
    InterventionCriterion,
    InterventionInstance,
    LinkAttributeKey,
    PagePing,
    PageView,
    RuleIntervention,
    Service,
    StreamAttributeGroup,
    StructuredEvent,
    VersionedLinkAttributeGroup,
    domain_sessionid,
    domain_userid,
    network_userid,
    read_group,
    session_attribute_key,
    user_attribute_key,
    user_id,
)
from snowmelt.definitions.attribute_key import BUILT_IN_KEYS
from snowmelt.definitions.intervention import criteria_of
from snowmelt.definitions.problems import problems_of

OWNER = "data@shop.example.com"
APP = AtomicProperty(name="app_id")
SOURCE = {"name": "crm", "database": "DB", "table": "CRM", "timestamp_field": "TS"}
VIEWS = {"name": "views", "type": "int32", "aggregation": "counter"}


def schema_property(path: str) -> EventProperty:
    return EventProperty(vendor="com.example", name="search", major_version=1, path=path)


def errors(model: type[BaseModel], data: Any) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return [(problem.loc, problem.type) for problem in problems_of(caught.value)]


# Reading in general


def test_null_means_absent_on_every_level() -> None:
    group = AttributeGroup.model_validate(
        {
            "name": "shop",
            "version": None,
            "online": None,
            "is_published": None,
            "attribute_key": {"name": "user_id", "is_published": None},
            "attributes": [
                {
                    **VIEWS,
                    "events": None,
                    "criteria": None,
                    "property": {
                        "type": "entity",
                        "vendor": "v",
                        "name": "n",
                        "major_version": 1,
                        "path": "p",
                    }
                    | {"index": None, "date_part": None},
                }
            ],
        }
    )
    assert (group.version, group.online, group.is_published) == (1, True, False)
    assert group.attributes is not None
    assert group.attributes[0].events == []
    assert group.attributes[0].property == EntityProperty(vendor="v", name="n", major_version=1, path="p")


def test_unknown_members_are_ignored() -> None:
    assert Event.model_validate({"name": "search", "colour": "blue"}) == Event(name="search")


def test_the_input_is_left_as_it_was() -> None:
    data = {"name": "search", "vendor": None}
    Event.model_validate(data)
    assert data == {"name": "search", "vendor": None}


# Owners


@pytest.mark.parametrize(
    ("model", "members"),
    [
        (StreamAttributeGroup, {"attribute_key": user_id, "attributes": [VIEWS]}),
        (Service, {"attribute_groups": [{"name": "shop"}]}),
        (RuleIntervention, {"criteria": {"attribute": "a:b", "operator": "is null"}}),
    ],
)
class TestOwner:
    def test_code_needs_one(self, model: type[BaseModel], members: dict[str, Any]) -> None:
        for owner in ({}, {"owner": None}, {"owner": "nobody"}):
            with pytest.raises(ValidationError) as caught:
                model(name="x", **members, **owner)
            assert [error["loc"] for error in caught.value.errors()] == [("owner",)]

    def test_code_takes_any_e_mail_address(self, model: type[BaseModel], members: dict[str, Any]) -> None:
        assert model(name="x", **members, owner="Ann <Ann@Shop.example.com>").owner == "Ann@shop.example.com"  # type: ignore[attr-defined]

    @pytest.mark.parametrize("owner", [None, "", "the data team"])
    def test_what_is_read_may_have_any(
        self, model: type[BaseModel], members: dict[str, Any], owner: str | None
    ) -> None:
        read = model.model_validate({"name": "x", **members, "owner": owner})
        assert read.owner == owner  # type: ignore[attr-defined]
        json = read.model_dump_json(exclude_none=True, by_alias=True)
        assert model.model_validate_json(json) == read

    def test_what_is_read_keeps_the_limits_of_text(self, model: type[BaseModel], members: dict[str, Any]) -> None:
        assert errors(model, {"name": "x", **members, "owner": "x" * 256}) == [(("owner",), "string_too_long")]


# Keys


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"property": APP}, "app_id"),
        ({"property": schema_property("$.user.id")}, "id"),
        ({"property": schema_property("id")}, "id"),
        ({"property": schema_property("ids[0]")}, "ids[0]"),
        ({"external_column": "customer"}, "customer"),
        ({"external_column": "customer", "property": APP, "key": "user_id"}, "customer"),
        ({"name": "mine", "property": APP}, "mine"),
        ({"name": "mine", "external_column": "mine"}, "mine"),
    ],
)
def test_names_of_keys_are_derived(members: dict[str, Any], name: str) -> None:
    assert AttributeKey(**members).name == name


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "needs a `name`"),
        ({"key": "user_id"}, "not derived from `key` alone"),
        ({"name": "mine", "external_column": "other"}, "must equal the name"),
        ({"name": ""}, "at least 1 character"),
    ],
)
def test_keys_without_a_name_are_refused(members: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AttributeKey(**members)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (AttributeKey(name="a", property=schema_property("id"), key="user_id"), schema_property("id")),
        (AttributeKey(name="app_id", key="user_id"), AtomicProperty(name="user_id")),
        (AttributeKey(name="app_id"), APP),
        (AttributeKey(name="app_id", key="basket"), APP),
        (AttributeKey(name="basket"), None),
        (AttributeKey(external_column="customer"), None),
    ],
)
def test_what_identifies_a_profile(key: AttributeKey, expected: object) -> None:
    assert key.key_property() == expected


def test_built_in_keys() -> None:
    assert list(BUILT_IN_KEYS.values()) == [domain_userid, domain_sessionid, user_id, network_userid]
    assert [key.key for key in BUILT_IN_KEYS.values()] == list(BUILT_IN_KEYS)
    assert (user_attribute_key.name, user_attribute_key.key) == ("user", "domain_userid")
    assert (session_attribute_key.name, session_attribute_key.key) == ("session", "domain_sessionid")


def test_keys_and_links_stand_for_each_other() -> None:
    link = LinkAttributeKey(name="basket")
    group = AttributeGroup(name="shop", attribute_key=link, owner=OWNER)
    assert group.attribute_key == AttributeKey(name="basket")
    rule = RuleIntervention(
        name="hello",
        criteria=InterventionCriterion(attribute="shop:views", operator="is null"),
        target_attribute_keys=[domain_userid, link],
        owner=OWNER,
    )
    assert rule.target_attribute_keys == [LinkAttributeKey(name="domain_userid"), link]


def test_keys_are_not_named_by_text() -> None:
    assert errors(AttributeGroup, {"name": "shop", "attribute_key": "user_id"}) == [(("attribute_key",), "model_type")]


# Properties, events, criteria


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"name": "app_id"}, APP),
        ({"name": "derived_tstamp", "date_part": "active_day"}, None),
        ({"type": "atomic", "name": "app_id"}, APP),
        ({"type": "event", "vendor": "v", "name": "n", "major_version": 1, "path": "p"}, None),
        ({"type": "calculated", "operation": "concat", "properties": [{"name": "app_id"}]}, None),
    ],
)
def test_properties_are_told_apart_by_their_type(data: dict[str, Any], expected: object) -> None:
    read = Criterion.model_validate({"property": data, "operator": "is null"}).property
    assert read.type == data.get("type", "atomic")
    if expected is not None:
        assert read == expected


@pytest.mark.parametrize(
    "data",
    [
        {"vendor": "v", "name": "n", "major_version": 1, "path": "p"},
        {"type": "leaf", "name": "app_id"},
        {"type": 3, "name": "app_id"},
        {},
        "app_id",
    ],
)
def test_untagged_properties_are_refused(data: object) -> None:
    found = errors(Criterion, {"property": data, "operator": "is null"})
    assert found == [(("property",), "property_type")]


def test_calculated_properties_do_not_nest() -> None:
    inner = CalculatedProperty(operation="concat", properties=[APP])
    found = errors(CalculatedProperty, {"operation": "concat", "properties": [inner]})
    assert found == [(("properties", 0), "property_type")]


@pytest.mark.parametrize(
    ("member", "value", "type_"),
    [
        ("major_version", 0, "greater_than"),
        ("index", -1, "greater_than_equal"),
        ("index", "all", "int_parsing"),
        ("path", "$", "string_pattern_mismatch"),
        ("name", "a.b", "string_pattern_mismatch"),
        ("vendor", "", "string_too_short"),
        ("date_part", "minute", "literal_error"),
    ],
)
def test_limits_of_entity_properties(member: str, value: object, type_: str) -> None:
    data = {"vendor": "v", "name": "n", "major_version": 1, "path": "p", member: value}
    assert errors(EntityProperty, data) == [((member,), type_)]


def test_known_events() -> None:
    assert PageView() == Event(name="page_view", vendor="com.snowplowanalytics.snowplow", version="1-0-0")
    assert PagePing() == Event(name="page_ping", vendor="com.snowplowanalytics.snowplow", version="1-0-0")
    assert StructuredEvent() == Event(name="event", vendor="com.google.analytics", version="1-0-0")


@pytest.mark.parametrize(
    ("criterion", "operator", "value"),
    [
        (Criterion.eq(APP, "shop"), "=", "shop"),
        (Criterion.neq(APP, 3), "!=", 3),
        (Criterion.gt(APP, 3), ">", 3),
        (Criterion.gte(APP, 3.5), ">=", 3.5),
        (Criterion.lt(APP, 3), "<", 3),
        (Criterion.lte(APP, 3), "<=", 3),
        (Criterion.like(APP, "shop%"), "like", "shop%"),
        (Criterion.in_list(APP, ["a", "b"]), "in", ["a", "b"]),
        (Criterion.is_null(APP), "is null", None),
        (Criterion.is_not_null(APP), "is not null", None),
    ],
)
def test_helpers_make_criterions(criterion: Criterion, operator: str, value: object) -> None:
    assert (criterion.property, criterion.operator, criterion.value) == (APP, operator, value)


@pytest.mark.parametrize("value", [3, 75.5, True, False, 0, "3", [1, 2], [1.5, 2.5], [True], ["a"]])
def test_types_of_values_are_kept(value: Any) -> None:
    criterion = Criterion.model_validate_json(Criterion.eq(APP, value).model_dump_json())
    attribute = Attribute(name="a", type="int32", aggregation="counter", default_value=value)
    for kept in (criterion.value, attribute.to_wire()["default_value"]):
        assert kept == value
        assert type(kept) is type(value)
        if isinstance(value, list):
            assert [type(item) for item in kept] == [type(item) for item in value]  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [["a", 1], {"a": 1}, [["a"]], [None]])
def test_other_values_are_refused_once(value: object) -> None:
    assert errors(Criterion, {"property": APP, "operator": "=", "value": value}) == [(("value",), "value_type")]


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], [None]])
def test_other_defaults_are_refused_once(value: object) -> None:
    assert errors(Attribute, {**VIEWS, "default_value": value}) == [(("default_value",), "value_type")]


def test_instants_are_no_values() -> None:
    with pytest.raises(ValidationError):
        Criterion(property=APP, operator="=", value=datetime(2026, 1, 1))


@pytest.mark.parametrize("model", [Criterion, InterventionCriterion])
def test_two_equals_signs_get_a_hint(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="write `=`"):
        model.model_validate({"property": APP, "attribute": "a:b", "operator": "==", "value": 1})


# Groups


def test_defaults_of_a_stream_group() -> None:
    group = StreamAttributeGroup(name="shop", attribute_key=user_id, attributes=[VIEWS], owner=OWNER)
    assert group.offline is False
    assert (group.version, group.online, group.is_published) == (1, True, False)
    assert (group.fields, group.batch_source, group.ttl, group.kind) == (None, None, None, "stream")
    assert group.column_names() == ("views",)


@pytest.mark.parametrize("name", ["schema", "schema_", "wh_schema"])
def test_batch_sources_know_three_names_of_their_schema(name: str) -> None:
    source = BatchSource(**SOURCE, **{name: "ML"})
    assert source.schema_ == "ML"
    assert source.to_wire() == {**SOURCE, "schema": "ML"}


@pytest.mark.parametrize("member", ["database", "schema", "table"])
def test_batch_sources_name_their_table_fully(member: str) -> None:
    complete = SOURCE | {"schema": "ML"}
    assert errors(BatchSource, complete | {member: ""})[0][0] == (member,)
    assert errors(BatchSource, {key: value for key, value in complete.items() if key != member}) == [
        ((member,), "missing")
    ]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"attributes": [VIEWS]}, StreamAttributeGroup),
        ({"attributes": [VIEWS], "offline": False, "fields": []}, StreamAttributeGroup),
        ({"attributes": [VIEWS], "offline": True}, BatchAttributeGroup),
        (
            {"attributes": [VIEWS], "offline": True, "batch_source": SOURCE | {"schema": "S"}},
            BatchAttributeGroup,
        ),
        (
            {"fields": [{"name": "f", "type": "string"}], "offline": True, "attributes": []}
            | {"batch_source": SOURCE | {"schema": "S"}},
            ExternalBatchAttributeGroup,
        ),
        ({}, AttributeGroup),
        ({"attributes": []}, AttributeGroup),
        ({"offline": True}, AttributeGroup),
        ({"offline": True, "fields": [{"name": "f", "type": "string"}]}, AttributeGroup),
        ({"attributes": [VIEWS], "fields": [{"name": "f", "type": "string"}]}, AttributeGroup),
    ],
)
def test_groups_are_read_as_their_kind(members: dict[str, Any], expected: type[AttributeGroup]) -> None:
    group = read_group({"name": "shop", "attribute_key": {"name": "user_id"}, **members})
    assert type(group) is expected
    # What was made without validation must hold what validation makes.
    assert expected.model_validate(group.to_wire()) == group


@pytest.mark.parametrize(
    ("model", "members"),
    [
        (StreamAttributeGroup, {}),
        (StreamAttributeGroup, {"attributes": []}),
        (StreamAttributeGroup, {"attributes": [VIEWS], "offline": True}),
        (StreamAttributeGroup, {"attributes": [VIEWS], "fields": [{"name": "f", "type": "string"}]}),
        (BatchAttributeGroup, {"attributes": [VIEWS], "offline": False}),
        (ExternalBatchAttributeGroup, {"fields": [{"name": "f", "type": "string"}]}),
        (ExternalBatchAttributeGroup, {"fields": [], "batch_source": SOURCE | {"schema": "S"}}),
    ],
)
def test_kinds_of_groups_insist_on_what_they_are(model: type[AttributeGroup], members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(name="shop", attribute_key=user_id, owner=OWNER, **members)


def test_services_reduce_groups_to_links() -> None:
    group = StreamAttributeGroup(name="shop", version=2, attribute_key=user_id, attributes=[VIEWS], owner=OWNER)
    service = Service(name="store", attribute_groups=[group, {"name": "crm"}], owner=OWNER)
    assert service.attribute_groups == [
        VersionedLinkAttributeGroup(name="shop", version=2),
        VersionedLinkAttributeGroup(name="crm", version=1),
    ]
    assert Service(name="store", owner=OWNER).attribute_groups == []
    for groups in ([], [{"name": "crm"}] * 101):
        with pytest.raises(ValidationError):
            Service(name="store", attribute_groups=groups, owner=OWNER)


def test_backfills_start_at_an_instant() -> None:
    group = AttributeGroup(
        name="shop",
        attribute_key=user_id,
        backfill_since_tstamp=datetime(2026, 1, 1),
        ttl=timedelta(days=90),
        owner=OWNER,
    )
    assert group.backfill_since_tstamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert group.to_wire()["backfill_since_tstamp"] == "2026-01-01T00:00:00Z"
    assert group.to_wire()["ttl"] == "P90D"


# Interventions

TREE = {
    "all": [
        {"attribute": "shop:value", "operator": ">", "value": 100},
        {"none": [{"attribute": "profile:country", "operator": "in", "value": ["US"]}]},
        {"any": [{"attribute": "shop:views", "operator": "changed"}]},
    ]
}


def test_criteria_trees_are_read_by_their_members() -> None:
    rule = RuleIntervention(name="free_shipping", criteria=TREE, owner=OWNER)
    assert rule.criteria == InterventionCriteriaAll(
        all=[
            InterventionCriterion(attribute="shop:value", operator=">", value=100),
            InterventionCriteriaNone(
                none=[InterventionCriterion(attribute="profile:country", operator="in", value=["US"])]
            ),
            InterventionCriteriaAny(any=[InterventionCriterion(attribute="shop:views", operator="changed")]),
        ]
    )
    assert rule.to_wire()["criteria"] == TREE
    assert [criterion.attribute for criterion in criteria_of(rule.criteria)] == rule.attribute_names()


@pytest.mark.parametrize(
    "criteria",
    [
        {"all": [], "any": []},
        {"all": [], "attribute": "a:b", "operator": "is null"},
        {"foo": []},
        [],
        "shop:value",
    ],
)
def test_misshapen_trees_are_refused(criteria: object) -> None:
    assert errors(RuleIntervention, {"name": "x", "criteria": criteria}) == [(("criteria",), "criteria_shape")]


def test_problems_inside_trees_are_placed() -> None:
    found = errors(RuleIntervention, {"name": "x", "criteria": {"all": [{"attribute": "views", "operator": "="}]}})
    assert [loc for loc, _ in found] == [("criteria", "all", 0, "attribute")]


def test_instances_hold_text_only() -> None:
    assert InterventionInstance(name="outage", version=1).to_wire() == {"name": "outage", "version": 1}
    assert errors(InterventionInstance, {"name": "outage", "version": 1, "attributes": {"a:b": 3}}) == [
        (("attributes", "a:b"), "string_type")
    ]


# Event logs


def event_log(**members: Any) -> EventLog:
    selection = EventSelection(event=PageView(), properties=[EventLogAtomicProperty(name="page_title")])
    return EventLog(
        **{
            "name": "recent",
            "attribute_key": domain_sessionid,
            "events": [selection],
            "max_events": 50,
            "max_age_seconds": 1800,
            **members,
        }
    )


def test_event_logs_take_events_and_keys() -> None:
    log = event_log(is_published=True)
    assert log.events[0].event == EventLogEvent(**PageView().model_dump())
    assert log.attribute_key == LinkAttributeKey(name="domain_sessionid")
    assert "is_published" not in log.to_wire()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("max_events", 0),
        ("max_events", 101),
        ("max_age_seconds", 0),
        ("max_age_seconds", 3601),
        ("events", []),
        ("prompt", "x" * 3801),
        ("description", "x" * 1025),
    ],
)
def test_limits_of_event_logs(member: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        event_log(**{member: value})
    assert [error["loc"][0] for error in caught.value.errors()] == [member]


# Reading through a client


class Client:
    """Answers every call with the arguments that it got."""

    def get_group_attributes(self, **arguments: Any) -> dict[str, Any]:
        return arguments

    def get_service_attributes(self, **arguments: Any) -> dict[str, Any]:
        return arguments

    def get_agentic_context(self, **arguments: Any) -> Any:
        return arguments


def test_groups_read_all_their_columns() -> None:
    group = StreamAttributeGroup(name="shop", version=2, attribute_key=user_id, attributes=[VIEWS], owner=OWNER)
    expected = {"name": "shop", "version": 2, "attribute_key": "user_id", "identifier": "ann"}
    assert group.get_attributes(Client(), identifier="ann") == {**expected, "attributes": ["views"]}
    external = ExternalBatchAttributeGroup(
        name="shop",
        version=2,
        attribute_key=user_id,
        batch_source=SOURCE | {"schema": "S"},
        fields=[Field(name="f", type="string")],
        owner=OWNER,
    )
    assert external.get_attributes(Client(), "ann") == {**expected, "attributes": ["f"]}


def test_services_and_logs_read_themselves() -> None:
    service = Service(name="store", attribute_groups=[{"name": "shop"}], owner=OWNER)
    assert service.get_attributes(Client(), "user_id", "ann") == {
        "name": "store",
        "attribute_key": "user_id",
        "identifier": "ann",
    }
    assert event_log().get_agentic_context(Client(), "s1") == {
        "name": "recent",
        "identifier": "s1",
        "format": "json",
    }


def test_criteria_may_be_empty() -> None:
    assert Criteria().to_wire() == {}
    assert Criteria(all=[]).to_wire() == {"all": []}
