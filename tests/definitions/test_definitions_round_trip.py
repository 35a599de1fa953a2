"""Laws: what is written is read again, unchanged, by every way of writing and reading."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.definitions import (
    Attribute,
    AttributeGroup,
    AttributeKey,
    EventLog,
    RuleIntervention,
    Service,
    read_group,
)
from snowmelt.definitions.atomic import ATOMIC_NAMES
from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import (
    Aggregation,
    AttributeType,
    CalculatedOperation,
    DatePart,
    EventOperator,
    RuleOperator,
    TimeUnit,
)
from snowmelt.definitions.identity import same_definition
from snowmelt.definitions.rules import check_group, check_intervention
from snowmelt.definitions.wire import AttributeGroupResponse, group_response


def words(literal: Any) -> st.SearchStrategy[str]:
    return st.sampled_from(get_args(literal))


def members(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


names = st.text("abcXYZ019_", min_size=1, max_size=12)
texts = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=16)
durations = st.timedeltas(timedelta(0), timedelta(days=9999)).map(lambda length: length.total_seconds())
scalars = st.one_of(
    texts, st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
lists = st.one_of(*(st.lists(kind, max_size=3) for kind in (texts, st.integers(-9, 9), st.booleans())))

schema = {
    "vendor": st.just("com.example"),
    "name": st.from_regex(r"[a-z_-]{1,9}", fullmatch=True),
    "major_version": st.integers(1, 9),
    "path": st.sampled_from(["a", "$.a.b", "items[0].price"]),
}
atomic = members({"type": st.just("atomic"), "name": st.sampled_from(ATOMIC_NAMES)}, date_part=words(DatePart))
of_event = members({"type": st.just("event"), **schema}, date_part=words(DatePart))
of_entity = members({"type": st.just("entity"), **schema}, index=st.integers(0, 3))
leaves = st.one_of(atomic, of_event, of_entity)
calculated = members(
    {
        "type": st.just("calculated"),
        "operation": words(CalculatedOperation),
        "properties": st.lists(leaves, min_size=1, max_size=3),
    },
    separator=texts,
)
properties = st.one_of(leaves, calculated)
events = members({}, name=schema["name"], vendor=schema["vendor"], version=st.just("1-0-2"))
criterions = members({"property": properties, "operator": words(EventOperator)}, value=st.one_of(scalars, lists))
criteria = members({}, all=st.lists(criterions, max_size=2), any=st.lists(criterions, max_size=2))
attributes = members(
    {
        "name": names,
        "type": words(AttributeType),
        "aggregation": words(Aggregation),
        "events": st.lists(events, max_size=2),
    },
    description=texts,
    property=properties,
    criteria=criteria,
    period=durations,
    ttl=durations,
    time_unit=words(TimeUnit),
    default_value=st.one_of(scalars, lists),
)
keys = members({"name": names}, key=names, property=leaves, description=texts, owner=texts, ttl=durations)
sources = st.just({"name": "n", "database": "D-1", "schema": "S", "table": "T", "timestamp_field": "TS"})
fields = members({"name": names, "type": words(AttributeType)}, description=texts)
groups = members(
    {"name": names, "attribute_key": keys},
    version=st.integers(1, 99),
    owner=texts,
    description=texts,
    ttl=durations,
    offline=st.booleans(),
    is_published=st.booleans(),
    attributes=st.lists(attributes, max_size=3),
    fields=st.lists(fields, max_size=2),
    batch_source=sources,
    refresh_rate=durations,
    backfill_since_tstamp=st.datetimes().map(lambda instant: instant.isoformat() + "+01:00"),
)
comparisons = members(
    {"attribute": st.builds("{}:{}".format, names, names), "operator": words(RuleOperator)},
    value=st.one_of(scalars, lists),
)
trees = st.recursive(
    comparisons,
    lambda parts: st.builds(
        lambda grouping, items: {grouping: items},
        st.sampled_from(["all", "any", "none"]),
        st.lists(parts, max_size=3),
    ),
    max_leaves=6,
)
links = members({"name": names}, version=st.integers(1, 9))
interventions = members(
    {"name": names, "criteria": trees},
    target_attribute_keys=st.lists(members({"name": names}), max_size=2),
    payload_attribute_groups=st.lists(links, max_size=2),
    owner=texts,
)
services = members({"name": names, "attribute_groups": st.lists(links, min_size=1, max_size=3)}, description=texts)
kept = st.one_of(
    members({"type": st.just("atomic"), "name": st.sampled_from(ATOMIC_NAMES)}, output_name=texts),
    members({"type": st.just("entity"), **schema}, output_name=texts, index=st.integers(0, 3)),
)
event_logs = st.fixed_dictionaries(
    {
        "name": names,
        "attribute_key": members({"name": names}),
        "events": st.lists(
            st.fixed_dictionaries(
                {
                    "event": members({}, name=schema["name"], major_version=st.integers(1, 9)),
                    "properties": st.lists(kept, min_size=1, max_size=3),
                }
            ),
            min_size=1,
            max_size=3,
        ),
        "max_events": st.integers(1, 100),
        "max_age_seconds": st.integers(1, 3600),
    }
)


@pytest.mark.parametrize(
    ("model", "definitions"),
    [
        (Attribute, attributes),
        (AttributeKey, keys),
        (AttributeGroup, groups),
        (Service, services),
        (RuleIntervention, interventions),
        (EventLog, event_logs),
    ],
)
@given(data=st.data())
def test_writing_and_reading(model: type[Definition], definitions: Any, data: st.DataObject) -> None:
    definition = model.model_validate(data.draw(definitions))
    sent = definition.to_wire()
    assert model.model_validate(sent) == definition
    assert model.model_validate_json(definition.model_dump_json(exclude_none=True, by_alias=True)) == definition
    assert model.model_validate(definition.model_dump(by_alias=True)) == definition
    # What nobody set but has a default is sent too, so that a reader with other defaults takes the same.
    assert model.model_validate(sent).to_wire() == sent
    assert same_definition(model.model_validate(sent), definition)


@given(groups)
def test_groups_of_every_kind(members: dict[str, Any]) -> None:
    group = read_group(members)
    assert read_group(group.to_wire()) == group
    assert type(group).model_validate(group.to_wire()) == group
    assert same_definition(group, AttributeGroup.model_validate(members))


@given(groups)
def test_answers_hold_the_definition(members: dict[str, Any]) -> None:
    group = read_group(members)
    answer = AttributeGroupResponse.model_validate(group_response(group).to_wire())
    assert same_definition(answer, group)
    assert (answer.full_name, answer.is_published) == (group.qualified_name, group.is_published)


@given(groups)
def test_rules_judge_whatever_can_be_read(members: dict[str, Any]) -> None:
    for problem in check_group(read_group(members)):
        assert problem.loc
        assert problem.msg
        assert _reaches(members, problem.loc[:-1]), f"{problem.loc} is not a place of the definition"


@given(interventions)
def test_rules_judge_whatever_tree_can_be_read(members: dict[str, Any]) -> None:
    for problem in check_intervention(RuleIntervention.model_validate(members)):
        assert _reaches(members, problem.loc[:-1]), f"{problem.loc} is not a place of the definition"


def _reaches(value: Any, loc: tuple[str | int, ...]) -> bool:
    for part in loc:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
