"""Every rule beyond a definition's shape: a good and a bad example each, and the place of the problem."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rule_rows import ATTRIBUTES, ENTITY, EVENT, JSON, TEXT, TIME, attribute, counter, criterion, group
from snowmelt.definitions import (
    AgenticDecision,
    AttributeKey,
    EventLog,
    Problem,
    RuleIntervention,
    Service,
    read_group,
)
from snowmelt.definitions.rules import (
    check_agentic_decision,
    check_event_log,
    check_group,
    check_intervention,
    check_key,
    check_service,
    colliding_names,
    latest_with_attribute,
)


def found(problems: list[Problem]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(problem.loc, problem.type) for problem in problems]


RIGHT = [pytest.param(definition, id=rule) for rule, right, _ in ATTRIBUTES for definition in right]
WRONG = [
    pytest.param(definition, loc, type_, id=rule) for rule, _, wrong in ATTRIBUTES for definition, loc, type_ in wrong
]


@pytest.mark.parametrize("definition", RIGHT)
def test_right_attributes(definition: dict[str, Any]) -> None:
    assert check_group(read_group(group(attributes=[definition]))) == []


@pytest.mark.parametrize(("definition", "loc", "type_"), WRONG)
def test_wrong_attributes(definition: dict[str, Any], loc: tuple[str | int, ...], type_: str) -> None:
    problems = check_group(read_group(group(attributes=[definition])))
    assert found(problems) == [(("attributes", 0, *loc), type_)]
    assert problems[0].msg


def test_all_problems_are_told_at_once() -> None:
    problems = check_group(
        read_group(
            group(
                version=0,
                ttl="PT0S",
                attributes=[
                    attribute("sum", "string", period="PT0S", time_unit="s"),
                    criterion("in", "a") | {"name": "a"},
                ],
            )
        )
    )
    assert found(problems) == [
        (("version",), "greater_than_equal"),
        (("attributes", 0, "type"), "type_of_aggregation"),
        (("attributes", 0, "property"), "property_needed"),
        (("attributes", 0, "time_unit"), "time_unit_unused"),
        (("attributes", 0, "period"), "too_short"),
        (("attributes", 1, "criteria", "all", 0, "value"), "list_needed"),
        (("attributes", 1, "name"), "duplicate_name"),
        (("ttl",), "too_short"),
    ]


SOURCE = {"name": "crm", "database": "DB", "schema": "S", "table": "CRM", "timestamp_field": "TS"}
FIELD = {"name": "f", "type": "string"}


@pytest.mark.parametrize(
    "definition",
    [
        group(),
        group(attributes=[counter()], is_published=True),
        group(attributes=[counter()], offline=True, is_published=True),
        group(attributes=[counter()], offline=True, batch_source=SOURCE),
        group(fields=[FIELD], offline=True, batch_source=SOURCE, is_published=True),
        group(fields=[FIELD], offline=True, batch_source=SOURCE, attribute_key={"external_column": "customer"}),
        group(backfill_since_tstamp="2026-01-01T00:00:00Z", refresh_rate="PT1H", ttl="P1Y"),
        group(version=7),
    ],
)
def test_right_groups(definition: dict[str, Any]) -> None:
    assert check_group(read_group(definition), now=datetime(2026, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("definition", "loc", "type_"),
    [
        (group(is_published=True), ("attributes",), "missing"),
        (group(is_published=True, offline=True), ("attributes",), "missing"),
        (group(version=0), ("version",), "greater_than_equal"),
        (group(attributes=[counter()], batch_source=SOURCE), ("batch_source",), "member_of_kind"),
        (group(attributes=[counter()], fields=[FIELD]), ("fields",), "member_of_kind"),
        (
            group(attributes=[counter()], fields=[FIELD], offline=True, batch_source=SOURCE),
            ("attributes",),
            "member_of_kind",
        ),
        (group(fields=[FIELD], offline=True), ("batch_source",), "missing"),
        (group(attributes=[counter() | {"name": "user_id"}]), ("attributes", 0, "name"), "duplicate_name"),
        (
            group(fields=[FIELD, FIELD], offline=True, batch_source=SOURCE),
            ("fields", 1, "name"),
            "duplicate_name",
        ),
        (group(refresh_rate="PT0S"), ("refresh_rate",), "too_short"),
        (group(backfill_since_tstamp="2026-01-01T00:00:01Z"), ("backfill_since_tstamp",), "in_future"),
        (
            group(attribute_key={"name": "k", "property": TIME | {"date_part": "active_day"}}),
            ("attribute_key", "property", "date_part"),
            "date_part_of_key",
        ),
    ],
)
def test_wrong_groups(definition: dict[str, Any], loc: tuple[str | int, ...], type_: str) -> None:
    problems = check_group(read_group(definition), now=datetime(2026, 1, 1, tzinfo=UTC))
    assert found(problems) == [(loc, type_)]


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "user_id"},
        {"name": "customer", "key": "user_id"},
        {"property": ENTITY},
        {"external_column": "customer"},
        {"name": "user_id", "ttl": "P1Y"},
    ],
)
def test_right_keys(definition: dict[str, Any]) -> None:
    assert check_key(AttributeKey.model_validate(definition)) == []


@pytest.mark.parametrize(
    ("definition", "loc", "type_"),
    [
        ({"name": "basket"}, ("property",), "unresolved_key"),
        ({"name": "basket", "key": "cart"}, ("property",), "unresolved_key"),
        ({"property": ENTITY | {"date_part": "active_day"}}, ("property", "date_part"), "date_part_of_key"),
        ({"property": ENTITY | {"index": "*"}}, ("property", "index"), "every_entity"),
        ({"property": JSON}, ("property",), "property_kind"),
        ({"property": ENTITY | {"path": "ids[0]"}}, ("name",), "string_pattern_mismatch"),
        ({"external_column": "customer id"}, ("name",), "string_pattern_mismatch"),
        ({"property": ENTITY | {"path": "x" * 129}}, ("name",), "string_pattern_mismatch"),
        ({"name": "user_id", "ttl": "-P1D"}, ("ttl",), "too_short"),
    ],
)
def test_wrong_keys(definition: dict[str, Any], loc: tuple[str | int, ...], type_: str) -> None:
    assert found(check_key(AttributeKey.model_validate(definition))) == [(loc, type_)]


KNOWN = {("shop", 1): True, ("shop", 2): False, ("crm", 1): True}


@pytest.mark.parametrize(
    ("links", "is_published", "expected"),
    [
        ([("shop", 1), ("crm", 1)], True, []),
        ([("shop", 2)], False, []),
        ([("shop", 2)], True, [(("attribute_groups", 0), "unpublished_group")]),
        ([("shop", 3)], False, [(("attribute_groups", 0), "unknown_group")]),
        ([("crm", 1), ("web", 1)], True, [(("attribute_groups", 1), "unknown_group")]),
        ([("shop", 1), ("shop", 1)], True, [(("attribute_groups", 1), "duplicate_group")]),
        ([("shop", 1), ("shop", 2)], True, [(("attribute_groups", 1), "duplicate_group")]),
        ([], True, [(("attribute_groups",), "too_short")]),
    ],
)
def test_services(links: list[tuple[str, int]], is_published: bool, expected: list[Any]) -> None:
    service = Service(
        name="store",
        attribute_groups=[{"name": name, "version": version} for name, version in links] or [{"name": "x"}],
        is_published=is_published,
        owner="data@shop.example.com",
    )
    if not links:
        service = service.model_copy(update={"attribute_groups": []})
    assert found(check_service(service, KNOWN)) == expected


def test_names_that_collide_in_a_service() -> None:
    shop, crm = (read_group(group(attributes=[counter()]) | {"name": name}) for name in ("shop", "crm"))
    other = read_group(group(attributes=[counter() | {"name": "b"}]))
    assert colliding_names([shop, crm, other]) == {"a": ["shop_v1", "crm_v1"]}


def published(name: str, version: int, *columns: str, is_published: bool = True) -> Any:
    attributes = [counter() | {"name": column} for column in columns]
    return read_group(group(attributes=attributes, version=version, is_published=is_published) | {"name": name})


GROUPS = [
    published("shop", 1, "value", "views"),
    published("shop", 2, "value"),
    published("shop", 3, "value", "secret", is_published=False),
]


@pytest.mark.parametrize(
    ("attribute_name", "version"),
    [("shop:value", 2), ("shop:views", 1), ("shop:secret", None), ("crm:value", None)],
)
def test_the_latest_published_version_with_the_attribute_is_meant(attribute_name: str, version: int | None) -> None:
    meant = latest_with_attribute(GROUPS, attribute_name)
    assert (meant and meant.version) == version


def rule(criteria: dict[str, Any], **members: Any) -> RuleIntervention:
    return RuleIntervention.model_validate({"name": "hello", "criteria": criteria, **members})


def leaf(operator: str = ">", value: Any = 1, name: str = "shop:value") -> dict[str, Any]:
    return {"attribute": name, "operator": operator, "value": value}


CHANGED = leaf("changed", None)


def nested(depth: int) -> dict[str, Any]:
    tree = leaf()
    for _ in range(depth):
        tree = {"any": [tree]}
    return tree


@pytest.mark.parametrize(
    "intervention",
    [
        rule(leaf()),
        rule(CHANGED),
        rule({"all": [CHANGED, {"all": [CHANGED]}, {"none": [leaf("in", ["US"])]}]}),
        rule({"any": [leaf()] * 50}),
        rule(nested(8)),
        rule(leaf("rlike", "^a+$")),
        rule(leaf("not like", "a%")),
        rule(leaf("is null", None)),
        rule(leaf(), is_published=True, payload_attribute_groups=[{"name": "shop", "version": 1}]),
        rule(leaf(name="shop:views"), is_published=True),
        rule(leaf(name="crm:value")),
        rule(leaf(), target_attribute_keys=[{"name": "user_id"}]),
    ],
)
def test_right_interventions(intervention: RuleIntervention) -> None:
    assert check_intervention(intervention, GROUPS, {"user_id"}) == []


@pytest.mark.parametrize(
    ("intervention", "loc", "type_"),
    [
        (rule({"any": [CHANGED]}), ("criteria", "any", 0, "operator"), "changed_misplaced"),
        (rule({"none": [CHANGED]}), ("criteria", "none", 0, "operator"), "changed_misplaced"),
        (
            rule({"any": [{"all": [CHANGED]}]}),
            ("criteria", "any", 0, "all", 0, "operator"),
            "changed_misplaced",
        ),
        (rule(leaf("changed", 3)), ("criteria", "value"), "value_unused"),
        (rule(leaf("not in", [])), ("criteria", "value"), "list_needed"),
        (rule(leaf("not in", "a")), ("criteria", "value"), "list_needed"),
        (rule(leaf(">", None)), ("criteria", "value"), "scalar_needed"),
        (rule(leaf("rlike", "(")), ("criteria", "value"), "pattern"),
        (rule(leaf("not rlike", 3)), ("criteria", "value"), "text_needed"),
        (rule({"all": []}), ("criteria", "all"), "too_short"),
        (rule({"all": [leaf()] * 51}), ("criteria", "all"), "too_long"),
        (rule(nested(9)), ("criteria", *("any", 0) * 8, "any"), "too_deep"),
        (rule(leaf(), version=0), ("version",), "greater_than_equal"),
        (rule(leaf(name="shop:secret"), is_published=True), ("criteria", "attribute"), "unknown_attribute"),
        (
            rule({"all": [leaf(), leaf(name="crm:value")]}, is_published=True),
            ("criteria", "all", 1, "attribute"),
            "unknown_attribute",
        ),
        (
            rule(leaf(), target_attribute_keys=[{"name": "user_id"}, {"name": "basket"}]),
            ("target_attribute_keys", 1),
            "unknown_attribute_key",
        ),
        (
            rule(leaf(), is_published=True, payload_attribute_groups=[{"name": "shop", "version": 9}]),
            ("payload_attribute_groups", 0),
            "unknown_group",
        ),
        (
            rule(leaf(), is_published=True, payload_attribute_groups=[{"name": "shop", "version": 3}]),
            ("payload_attribute_groups", 0),
            "unpublished_group",
        ),
    ],
)
def test_wrong_interventions(intervention: RuleIntervention, loc: tuple[str | int, ...], type_: str) -> None:
    assert found(check_intervention(intervention, GROUPS, {"user_id"})) == [(loc, type_)]


def event_log(event: dict[str, Any], *properties: dict[str, Any], key: str = "domain_sessionid") -> EventLog:
    selection = {"event": event, "properties": list(properties) or [{"type": "atomic", "name": "page_title"}]}
    return EventLog.model_validate(
        {
            "name": "recent",
            "attribute_key": {"name": key},
            "events": [selection],
            "max_events": 50,
            "max_age_seconds": 1800,
        }
    )


@pytest.mark.parametrize(
    "log",
    [
        event_log({"name": "search"}),
        event_log({"name": "search", "version": "1-0-0"}),
        event_log({"name": "search", "major_version": 1}),
        event_log({"event_specification_id": "spec"}),
        event_log({}, TEXT, EVENT, ENTITY | {"output_name": "q"}),
        event_log({}, TIME, TEXT),
    ],
)
def test_right_event_logs(log: EventLog) -> None:
    assert check_event_log(log) == []


@pytest.mark.parametrize(
    ("log", "loc", "type_"),
    [
        (event_log({}, key="user_id"), ("attribute_key", "name"), "key"),
        (
            event_log({"name": "search", "version": "1-0-0", "major_version": 1}),
            ("events", 0, "event", "major_version"),
            "exclusive",
        ),
        (
            event_log({"event_specification_id": "spec", "major_version": 1}),
            ("events", 0, "event", "event_specification_id"),
            "exclusive",
        ),
        (event_log({}, EVENT, ENTITY), ("events", 0, "properties", 1), "duplicate_output"),
        (
            event_log({}, TEXT, EVENT | {"output_name": "page_url"}),
            ("events", 0, "properties", 1),
            "duplicate_output",
        ),
        (
            event_log({}, EVENT | {"path": "$.derived_tstamp"}),
            ("events", 0, "properties", 0),
            "reserved_output",
        ),
        (
            event_log({}, TEXT | {"output_name": "derived_tstamp"}),
            ("events", 0, "properties", 0),
            "reserved_output",
        ),
    ],
)
def test_wrong_event_logs(log: EventLog, loc: tuple[str | int, ...], type_: str) -> None:
    assert found(check_event_log(log)) == [(loc, type_)]


STUCK = {"name": "stuck", "description": "No result opened."}
HAPPY = {"name": "happy", "description": "Found it."}


def decision(output_type: str, *values: dict[str, Any], **members: Any) -> AgenticDecision:
    return AgenticDecision.model_validate(
        {
            "name": "mood",
            "attribute_key": {"name": "domain_sessionid"},
            "output_type": output_type,
            "values": list(values),
            "decision_goal": "How does it go?",
            "contexts": ["recent"],
            "triggers": [{"criteria": leaf()}],
            **members,
        }
    )


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (decision("enum", STUCK, HAPPY), []),
        (decision("boolean"), []),
        (decision("enum", STUCK), [(("values",), "too_short")]),
        (decision("number", STUCK, HAPPY), [(("values",), "values_unused")]),
        (decision("enum", STUCK, HAPPY, STUCK), [(("values", 2, "name"), "duplicate_name")]),
        (decision("number", attribute_key={"name": "user_id"}), [(("attribute_key", "name"), "key")]),
        (
            decision("number", triggers=[{"criteria": {"any": [CHANGED]}}]),
            [(("triggers", 0, "criteria", "any", 0, "operator"), "changed_misplaced")],
        ),
    ],
)
def test_agentic_decisions(definition: AgenticDecision, expected: list[Any]) -> None:
    assert found(check_agentic_decision(definition)) == expected
