"""What fires is what the oracle says, for drawn groups, rules, streams, batch cuts and restarts."""

import dataclasses
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import firing_oracle
from drawn import events, groups, restless_groups, rules
from snowmelt.compute import state
from snowmelt.compute.plan import GroupPlan, plan_group
from snowmelt.compute.profiles import Load, Profiles
from snowmelt.compute.program import Program, Watching
from snowmelt.compute.seen_events import SeenEvents
from snowmelt.definitions import AttributeGroup, AttributeKey, RuleIntervention
from snowmelt.interventions.finding import Findings
from snowmelt.interventions.firing import Firing, Watch
from snowmelt.interventions.rule import Rule, plan_rule

EXAMPLES = 150
KEYS = {name: {"type": "atomic", "name": name} for name in ("user_id", "domain_sessionidx")}

Wire = dict[str, Any]


@settings(max_examples=max(EXAMPLES, settings().max_examples))
@given(data=st.data())
def test_what_fires_is_what_the_oracle_says(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(groups() | restless_groups(), min_size=1, max_size=2), label="groups")
    wires = [wire | {"name": name, "is_published": True} for name, wire in zip(("one", "two"), drawn, strict=False)]
    names = [f"{wire['name']}:{attribute['name']}" for wire in wires for attribute in wire["attributes"]]
    judged = [data.draw(rules(names, number, [*KEYS]), label="rule") for number in range(data.draw(st.integers(1, 3)))]
    stream = [data.draw(events(number), label="event") for number in range(data.draw(st.integers(0, 10)))]
    expected = firing_oracle.firings(firing_oracle.Judge(wires), judged, KEYS, stream)
    fired = fired_in(wires, judged, stream, data)
    assert [(one.rule.intervention.name, one.targets, one.at) for one in fired] == [
        (name, targets, at) for name, targets, _, at in expected
    ]
    for one, (_, _, sent, _) in zip(fired, expected, strict=True):
        assert one.attributes.keys() == sent.keys()
        assert [shown(value) for value in one.attributes.values()] == [shown(value) for value in sent.values()]
    assert len({one.id for one in fired}) == len(fired)


def shown(value: Any) -> str:
    """A value to be compared; doubles to nine digits, as sums may differ beyond."""
    return f"{value:.9g}" if isinstance(value, float) else repr(value)


def fired_in(wires: list[Wire], judged: list[Wire], stream: list[Wire], data: st.DataObject) -> list[Firing]:
    """What fires in drawn batches, with nothing in memory between them."""
    plans = [plan_group(AttributeGroup.model_validate(wire), number) for number, wire in enumerate(wires, 1)]
    planned = [planned_rule(wire, plans, number) for number, wire in enumerate(judged, len(plans) + 1)]
    program = Program(plans, [], planned)
    stored: dict[int, dict[str, bytes]] = {kept.state_id: {} for kept in program.kept}
    fired: list[Firing] = []
    ids = b""
    cuts = data.draw(st.sets(st.integers(0, len(stream))), label="batch cuts")
    for first, last in pairwise([0, *sorted(cuts), len(stream)]):
        profiles = program.fresh_profiles()
        for kept in program.kept:
            profiles[kept.state_id].load = loader(kept, stored)
        seen = SeenEvents(horizon_ms=86_400_000)
        seen.restore(0, ids)
        # It is long ago: so nothing is dropped that a late event must still be judged by.
        lines = [msgspec.json.encode(event) for event in stream[first:last]]
        tally = program.apply(lines, profiles, 0, seen, watching(profiles, fired))
        assert not tally.errors
        ids += seen.take_fresh()
        for state_id, changed in profiles.items():
            stored[state_id].update({key: state.encode(changed[key]) for key in changed.touched})
    return fired


def watching(profiles: dict[int, Profiles], fired: list[Firing]) -> Watching:
    findings = Findings(0)
    return lambda rule, projection: Watch(
        rule, findings.of(rule, projection), profiles, fired.append, lambda alarm: None
    )


def planned_rule(wire: Wire, plans: list[GroupPlan], state_id: int) -> Rule:
    sources = dict.fromkeys(firing_oracle.names_in(wire["criteria"]), 1)
    computed = {(plan.group.name, plan.group.version): plan for plan in plans}
    targets = {}
    for key in wire["target_attribute_keys"]:
        found = AttributeKey(name=key["name"]).key_property()
        assert found is not None
        targets[key["name"]] = found
    planned = plan_rule(RuleIntervention.model_validate(wire), state_id, computed, sources, targets)
    # Events alone are judged here; what time brings about in between is judged in tests/runtimes/test_alarms.py.
    return dataclasses.replace(planned, turning=())


def loader(kept: Any, stored: dict[int, dict[str, bytes]]) -> Load:
    def load(key: str) -> list[Any] | None:
        found = stored[kept.state_id].get(key)
        return None if found is None else kept.decode(found)

    return load


def test_replays_fire_nothing() -> None:
    counter = {"name": "n", "type": "int32", "aggregation": "counter", "events": []}
    owned = {"version": 1, "owner": "a@example.com", "is_published": True}
    group = {"name": "one", "attribute_key": {"name": "user_id"}, "attributes": [counter], **owned}
    plan = plan_group(AttributeGroup.model_validate(group), 1)
    criteria = {"attribute": "one:n", "operator": ">", "value": 0}
    rule = planned_rule(
        {"name": "r", "criteria": criteria, "target_attribute_keys": [{"name": "user_id"}], **owned}, [plan], 2
    )
    program = Program([plan], [], [rule])
    profiles = program.fresh_profiles()
    program.apply([b'{"user_id": "u", "event_id": "1"}'], profiles, 0)
    assert profiles[1]["u"][1] == 1
    assert not profiles[2].touched
