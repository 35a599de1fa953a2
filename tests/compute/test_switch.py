"""A switch says what testing one by one says."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute import program as program_module
from snowmelt.compute.program import Program, compile_program
from snowmelt.compute.state import CHANGED
from snowmelt.compute.switch import FEWEST_CHOICES, choice, switch_for
from snowmelt.definitions import AttributeGroup, Criterion

TEXTS = [f"t{number}" for number in range(12)]
LATE = "2024-01-01T00:00:00Z"
SCHEMA = {"vendor": "com.acme", "name": "item", "major_version": 1, "path": "label"}
TITLE = {"type": "atomic", "name": "page_title"}


def group(criteria: list[dict[str, Any]]) -> AttributeGroup:
    attributes = [
        {"name": f"a{number}", "type": "int32", "aggregation": "counter", "criteria": one}
        for number, one in enumerate(criteria)
    ]
    return AttributeGroup.model_validate(
        {"name": "g", "owner": "a@example.com", "attribute_key": {"name": "user_id"}, "attributes": attributes}
    )


def is_one_of(name: str, texts: list[Any]) -> dict[str, Any]:
    prop = {"type": "atomic", "name": name}
    return (
        {"property": prop, "operator": "=", "value": texts[0]}
        if len(texts) == 1
        else {
            "property": prop,
            "operator": "in",
            "value": texts,
        }
    )


looked_up = st.builds(
    is_one_of,
    st.sampled_from(["page_title", "app_id"]),
    st.one_of(
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3, unique=True),
        st.sampled_from([[LATE], [3], [True], [LATE, "t1"], ["t2", "t3", LATE]]),
    ),
)
others = st.one_of(
    st.builds(
        lambda operator, text: {"property": TITLE, "operator": operator, "value": text},
        st.sampled_from(["!=", "<", ">=", "like"]),
        st.sampled_from(TEXTS),
    ),
    st.builds(
        lambda text: {
            "property": {"type": "calculated", "operation": "coalesce", "properties": [TITLE, TITLE]},
            "operator": "=",
            "value": text,
        },
        st.sampled_from(TEXTS),
    ),
    st.just({"property": TITLE | {"date_part": "active_day"}, "operator": "=", "value": LATE[:10]}),
)
"""Criteria that a switch must leave alone."""

tests = st.one_of(looked_up, looked_up, others)
criteria = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"all": st.lists(tests, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"all": st.lists(tests, min_size=1, max_size=2), "any": st.lists(tests, max_size=2)}),
)
values = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from([None, "other", LATE, "2024-01-01 00:00:00", "3", 3, True, [1], {"a": 1}])
)


@given(st.lists(criteria, min_size=10, max_size=40), st.lists(st.tuples(values, values), max_size=12))
def test_a_switch_changes_no_value(drawn: list[dict[str, Any]], events: list[tuple[Any, Any]]) -> None:
    lines = [msgspec.json.encode({"user_id": "u", "page_title": title, "app_id": app}) for title, app in events]
    switched, plain = compile_program([(1, group(drawn))]), compile_program([(1, group(drawn))])
    profiles, expected = switched.fresh_profiles(), plain.fresh_profiles()
    assert not switched.apply(lines, profiles, now=0).errors
    original = program_module.switch_for
    program_module.switch_for = lambda concerned, projection: None
    try:
        plain.apply(lines, expected, now=0)
    finally:
        program_module.switch_for = original
    touched = {key: expected[1][key] for key in expected[1].touched}
    assert {key: profiles[1][key] for key in profiles[1].touched} == touched


@pytest.mark.parametrize(
    ("members", "texts"),
    [
        ({"operator": "=", "value": "a"}, {"a"}),
        ({"operator": "in", "value": ["a", "b", "a"]}, {"a", "b"}),
        ({"operator": "in", "value": []}, set()),
        ({"operator": "=", "value": 1}, None),
        ({"operator": "in", "value": [True]}, None),
        ({"operator": "!=", "value": "a"}, None),
        ({"operator": "<", "value": "a"}, None),
        ({"operator": "like", "value": "a"}, None),
        ({"operator": "is null"}, None),
        ({"operator": "=", "value": LATE}, None),
        ({"operator": "in", "value": ["a", LATE]}, None),
        ({"operator": "=", "value": LATE[:10], "property": TITLE | {"date_part": "active_day"}}, None),
        ({"operator": "=", "value": "a", "property": {"type": "entity", "index": "*"} | SCHEMA}, None),
    ],
)
def test_texts_that_a_property_must_be_are_looked_up_and_nothing_else(
    members: dict[str, Any], texts: set[str] | None
) -> None:
    found = choice(Criterion.model_validate({"property": TITLE} | members))
    assert found == (None if texts is None else (("page_title",), frozenset(texts)))


def concerned_by(program: Program) -> Any:
    return program._concerned({})


def test_a_switch_is_made_only_where_it_decides_much() -> None:
    few = [{"all": [is_one_of("app_id", [text])]} for text in TEXTS[: FEWEST_CHOICES - 1]]
    many = [{"all": [is_one_of("app_id", [text])]} for text in TEXTS[:FEWEST_CHOICES]]
    beside = [{"all": [is_one_of("page_title", ["t1"])]}]
    for criteria, made in ((few, False), (many, True), (few * 2, False), (beside + many, True), (many + beside, True)):
        program = compile_program([(1, group(criteria))])
        assert (switch_for(concerned_by(program), program.projection) is not None) is made


def test_unmatched_texts_cost_one_lookup_and_touch_nothing() -> None:
    program = compile_program([(1, group([{"all": [is_one_of("app_id", [text])]} for text in TEXTS]))])
    profiles = program.fresh_profiles()
    program.apply([b'{"user_id": "u", "app_id": "nothing"}'], profiles, now=0)
    assert not profiles[1].touched
    program.apply([b'{"user_id": "u", "app_id": "t3"}'], profiles, now=0)
    assert profiles[1]["u"] == [CHANGED, *(1 if text == "t3" else None for text in TEXTS)]
