"""The diagnosis of an event is what the program does with it, and its reasons are the oracle's."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from drawn import events, groups, times
from snowmelt.compute.diagnosis import Examiner
from snowmelt.compute.plan import plan_group
from snowmelt.compute.program import compile_program
from snowmelt.compute.verdict import (
    CriteriaFailed,
    Diagnosis,
    EngineError,
    NotAsked,
    NoValue,
    TooOld,
    UnfitValue,
    Unmet,
    UnusableKey,
)
from snowmelt.definitions import AttributeGroup

EXAMPLES = 250
STATE_ID = 7
VALUE = {"type": "atomic", "name": "se_value"}
LABEL = {"type": "atomic", "name": "se_label"}
ITEM = {"type": "entity", "vendor": "com.acme", "name": "item", "major_version": 1, "path": "price"}


@settings(max_examples=max(EXAMPLES, settings().max_examples))
@given(data=st.data())
def test_the_diagnosis_is_what_the_program_does_for_the_oracles_reasons(data: st.DataObject) -> None:
    wire = data.draw(groups(), label="group")
    # Else most events would stop at their key.
    has_key = data.draw(st.sampled_from([True, True, True, False]), label="has a key")
    if has_key:
        wire["attribute_key"] = {"name": "user_id"}
    group = AttributeGroup.model_validate(wire)
    examiner = Examiner(plan_group(group, STATE_ID))
    for number in range(data.draw(st.integers(1, 3))):
        event = data.draw(events(number), label="event") | ({"user_id": "u1"} if has_key else {})
        line = msgspec.json.encode(event)
        now = (oracle.instant(event["collector_tstamp"]) or 0) + data.draw(times(10), label="met after")
        diagnosis = examiner.examine(line, now)

        program = compile_program([(STATE_ID, group)])
        profiles = program.fresh_profiles()
        assert not program.apply([line], profiles, now).errors
        identifier = oracle_identifier(event, group)
        assert diagnosis.identifier == identifier
        profile = profiles[STATE_ID].get(identifier or "")
        for attribute, verdict in zip(wire["attributes"], diagnosis.verdicts, strict=True):
            changed = profile is not None and profile[verdict.attribute.slot] is not None
            assert verdict.updated == changed
            if "property" in attribute:
                assert verdict.value is not None
                assert repr(verdict.value.value) == repr(reading(event, attribute["property"]))
            period = verdict.attribute.source.period
            period_ms = None if period is None else round(period.total_seconds() * 1000)
            assert reason_of(diagnosis, verdict.reason) == oracle_reason(event, group, attribute, period_ms, now)


def reading(event: dict[str, Any], prop: dict[str, Any]) -> Any:
    """What the oracle reads of a property: a list where it is about every entity."""
    values = oracle.read_every(event, prop)
    return values if prop.get("index") == "*" else values[0]


def oracle_identifier(event: dict[str, Any], group: AttributeGroup) -> str | None:
    key = group.attribute_key.key_property()
    assert key is not None
    text = oracle.as_text(oracle.read_property(event, key.model_dump()))
    return text if text and len(text.encode()) <= 512 else None


def reason_of(diagnosis: Diagnosis, reason: Any) -> Any:
    """A reason in a form that the oracle can name: its kind, and what was found."""
    match reason:
        case None:
            return None
        case NotAsked():
            return "not asked", reason.by_specification
        case UnusableKey():
            assert reason.found == diagnosis.key
            return "key", reason.fault, repr(reason.found.value)
        case CriteriaFailed():
            return "criteria", [judged(one) for one in reason.all], [judged(one) for one in reason.any]
        case NoValue():
            return "no value", repr(reason.found.value)
        case UnfitValue():
            return "unfit", reason.takes, repr(reason.found.value)
        case TooOld():
            return "too old", reason.period
    raise AssertionError(reason)


def judged(unmet: Unmet) -> tuple[dict[str, Any], str]:
    return unmet.criterion.to_wire(), repr(unmet.found.value)


def oracle_reason(
    event: dict[str, Any], group: AttributeGroup, attribute: dict[str, Any], period_ms: int | None, now: int
) -> Any:
    """The first of the rules of docs/semantics.md that the event breaks for the attribute, by the oracle."""
    entries = attribute["events"]
    identity = [entry if "event_specification_id" not in entry else {} for entry in entries]
    if not oracle.counts(event, {"events": identity}):
        return "not asked", False
    key_property = group.attribute_key.key_property()
    assert key_property is not None
    if oracle_identifier(event, group) is None:
        key = oracle.read_property(event, key_property.model_dump())
        text = oracle.as_text(key)
        fault = "missing" if key is None else "empty" if key == "" else "no scalar" if text is None else "too long"
        return "key", fault, repr(key)
    if not oracle.counts(event, {"events": entries}):
        return "not asked", True
    criteria = attribute.get("criteria") or {}
    failed = {
        side: [
            (test | {"property": wire_form(test["property"])}, repr(reading(event, test["property"])))
            for test in criteria.get(side) or []
            if not oracle.holds_of_some(oracle.read_every(event, test["property"]), test)
        ]
        for side in ("all", "any")
    }
    if len(failed["any"]) < len(criteria.get("any") or []):
        failed["any"] = []
    if failed["all"] or failed["any"]:
        return "criteria", failed["all"], failed["any"]
    aggregation = attribute["aggregation"]
    if aggregation != "counter" and not aggregation.startswith("time_since"):
        values = oracle.read_every(event, attribute["property"])
        found = reading(event, attribute["property"])
        if all(value is None for value in values):
            return "no value", repr(found)
        takes = "scalar" if aggregation in oracle.OF_SCALARS else "number"
        if takes == "number" and attribute["type"].endswith("timestamp"):
            takes = "instant"
        serves = {"scalar": oracle.as_text, "instant": oracle.instant, "number": lambda v: oracle.is_number(v) or None}
        judged_as = attribute | {"period_ms": period_ms}
        unfit = [
            (takes == "scalar" and oracle.too_long(value, judged_as)) or serves[takes](value) is None
            for value in values
        ]
        if all(unfit):
            return "unfit", takes, repr(found)
    if period_ms is not None:
        collector, derived = (oracle.instant(event.get(f"{name}_tstamp")) for name in ("collector", "derived"))
        time = min(time for time in (collector, derived) if time is not None)
        # A tile of a 256th of the period counts as long as its end is inside.
        if Fraction((time * 256 // period_ms + 1) * period_ms, 256) <= now - period_ms:
            return "too old", period_ms
    return None


def wire_form(source: dict[str, Any]) -> dict[str, Any]:
    """A drawn property with what its definition adds."""
    parts = {"properties": [wire_form(part) for part in source["properties"]]} if "properties" in source else {}
    return ({"index": 0} if source["type"] == "entity" else {}) | source | parts


@pytest.fixture
def examine(make_group: Any, make_line: Any) -> Any:
    """Examines an event (by its columns) for attributes (by their JSON members)."""

    def examined(*attributes: dict[str, Any], now: int = 1000, **columns: Any) -> Diagnosis:
        return Examiner(plan_group(make_group(*attributes), STATE_ID)).examine(make_line(**columns), now)

    return examined


def test_what_is_found_is_told_of_updated_attributes_too(examine: Any) -> None:
    total = {"type": "calculated", "operation": "product", "properties": [VALUE, ITEM]}
    columns = {"se_value": 2, "contexts_com_acme_item_1": [{"price": 3}]}
    diagnosis = examine({"aggregation": "sum", "property": total}, {}, **columns)
    summed, counted = diagnosis.verdicts
    assert (summed.updated, summed.value.value, [part.value for part in summed.value.parts]) == (True, 6, [2, 3])
    assert (counted.updated, counted.value) == (True, None)
    assert (diagnosis.identifier, diagnosis.time) == ("u", 1000)


@pytest.mark.parametrize("scope", [{}, {"period": "PT1H"}, {"ttl": "PT1H"}])
def test_a_missing_value_says_whether_there_is_data_of_its_schema(examine: Any, scope: dict[str, str]) -> None:
    attribute = {"aggregation": "sum", "property": ITEM} | scope
    odd = {
        "contexts_com_snowplowanalytics_snowplow_event_specification_1": "a text, so that the event is decoded whole"
    }
    column = "contexts_com_acme_item_1"
    for columns, there in (({}, False), ({column: [{}]}, True), (odd, False), (odd | {column: [{}]}, True)):
        [verdict] = examine(attribute, **columns).verdicts
        assert isinstance(verdict.reason, NoValue)
        assert verdict.reason.found.data_there is there


@pytest.mark.parametrize(
    ("data", "there"), [(None, False), ("a text", True), ({}, True), ({"price": {}}, True)], ids=repr
)
def test_data_of_an_unusual_shape_is_there_and_null_is_not(examine: Any, data: Any, there: bool) -> None:
    price = {"type": "event", "vendor": "com.acme", "name": "sale", "major_version": 1, "path": "price.net"}
    odd = {
        "contexts_com_snowplowanalytics_snowplow_event_specification_1": "a text, so that the event is decoded whole"
    }
    columns = {"unstruct_event_com_acme_sale_1": data} | odd
    [verdict] = examine({"aggregation": "sum", "property": price}, **columns).verdicts
    assert verdict.reason == NoValue(verdict.value)
    assert verdict.value.data_there is there


@pytest.mark.parametrize(
    ("key", "fault"), [(None, "missing"), ("", "empty"), ([1], "no scalar"), ({}, "no scalar"), ("k" * 513, "too long")]
)
def test_an_unusable_key_says_what_is_wrong_with_it(examine: Any, key: Any, fault: str) -> None:
    diagnosis = examine({}, user_id=key)
    assert diagnosis.identifier is None
    assert diagnosis.verdicts[0].reason == UnusableKey(diagnosis.key, fault)  # type: ignore[arg-type]


def test_a_text_that_is_too_long_is_a_value_that_does_not_fit(examine: Any) -> None:
    unique = {"type": "string_list", "aggregation": "unique_list", "property": LABEL}
    last = {"type": "string", "aggregation": "last", "property": LABEL}
    listed, kept = examine(unique, last, se_label="x" * 1001).verdicts
    assert isinstance(listed.reason, UnfitValue)
    assert listed.reason.longest_text == 1000
    assert kept.updated


def test_what_was_no_date_time_is_told_as_it_was(examine: Any) -> None:
    [verdict] = examine({"type": "timestamp", "aggregation": "max", "property": LABEL}, se_label="soon").verdicts
    assert isinstance(verdict.reason, UnfitValue)
    assert (verdict.reason.takes, verdict.reason.found.value) == ("instant", "soon")


def test_the_same_event_is_too_old_once_its_period_is_over(examine: Any) -> None:
    attribute = {"period": "PT256S"}
    assert [verdict.updated for verdict in examine(attribute, now=257_999).verdicts] == [True]
    [verdict] = examine(attribute, now=258_000).verdicts
    assert verdict.reason == TooOld(256_000)


def test_an_alternative_that_holds_leaves_the_others_unmentioned(examine: Any) -> None:
    tests = [{"property": VALUE, "operator": ">", "value": bound} for bound in (1, 9)]
    criteria = {"any": tests, "all": [{"property": LABEL, "operator": "is not null"}]}
    [verdict] = examine({"criteria": criteria}, se_value=5).verdicts
    assert isinstance(verdict.reason, CriteriaFailed)
    assert [one.criterion.property.name for one in verdict.reason.all] == ["se_label"]
    assert verdict.reason.any == ()
    [verdict] = examine({"criteria": criteria}, se_value=1, se_label="x").verdicts
    assert isinstance(verdict.reason, CriteriaFailed)
    assert verdict.reason.all == ()
    assert [one.criterion.value for one in verdict.reason.any] == [1, 9]


def test_where_the_engine_stumbles_the_diagnosis_says_so(examine: Any) -> None:
    """No line that enters through a door of Snowmelt has a list for its name."""
    [verdict] = examine({"events": [{"name": "page_view"}, {"vendor": "com.acme"}]}, event_name=[]).verdicts
    assert isinstance(verdict.reason, NotAsked)
    anything, named = examine({}, {"events": [{"name": "page_view"}]}, event_name=[]).verdicts
    assert isinstance(anything.reason, EngineError)
    assert "unhashable" in anything.reason.error
    assert isinstance(named.reason, NotAsked)


@pytest.mark.parametrize("line", [b"[]", b"{", b'{"user_id":\n"u"}', b"\xff"])
def test_what_is_no_line_of_an_event_is_refused(make_group: Any, line: bytes) -> None:
    with pytest.raises(ValueError, match="one JSON object"):
        Examiner(plan_group(make_group({}), STATE_ID)).examine(line, now=0)
