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
    Reading,
    TooOld,
    UnfitValue,
    Unmet,
    UnusableKey,
)
from snowmelt.definitions import AttributeGroup

EXAMPLES = 500
STATE_ID = 7
SPECIFICATION = "contexts_com_snowplowanalytics_snowplow_event_specification_1"


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
                assert repr(verdict.value.value) == repr(oracle.read_property(event, attribute["property"]))
            period = verdict.attribute.source.period
            period_ms = None if period is None else round(period.total_seconds() * 1000)
            assert reason_of(diagnosis, verdict.reason) == oracle_reason(event, group, attribute, period_ms, now)


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
            (test | {"property": wire_form(test["property"])}, repr(found))
            for test in criteria.get(side) or []
            if not oracle.holds(
                found := oracle.read_property(event, test["property"]), test["operator"], test.get("value")
            )
        ]
        for side in ("all", "any")
    }
    if len(failed["any"]) < len(criteria.get("any") or []):
        failed["any"] = []
    if failed["all"] or failed["any"]:
        return "criteria", failed["all"], failed["any"]
    aggregation = attribute["aggregation"]
    if aggregation != "counter" and not aggregation.startswith("time_since"):
        value = oracle.read_property(event, attribute["property"])
        if value is None:
            return "no value", repr(None)
        takes = "scalar" if aggregation in oracle.OF_SCALARS else "number"
        if takes == "number" and attribute["type"].endswith("timestamp"):
            takes = "instant"
        serves = {"scalar": oracle.as_text, "instant": oracle.instant, "number": lambda v: oracle.is_number(v) or None}
        if serves[takes](value) is None:
            return "unfit", takes, repr(value)
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
