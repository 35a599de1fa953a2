"""The definitions that a record of the log puts in force, and the program that they make."""

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from snowmelt.compute.event_log_plan import EventLogPlan, plan_event_log
from snowmelt.compute.plan import GroupPlan, Property, plan_group
from snowmelt.compute.program import Program
from snowmelt.compute.projection import Projection
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.definitions.event_log import EventLog
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.interventions.finding import Findings
from snowmelt.interventions.rule import Rule, plan_rule

logger = structlog.get_logger("snowmelt.engine")


class Snapshot(msgspec.Struct):
    """What :func:`snowmelt.stores.registry.engine_snapshot.engine_snapshot` writes."""

    revision: int
    groups: list["_Group"]
    event_logs: list["_EventLog"] = []
    interventions: list["_Intervention"] = []
    resting: list[int] = []

    def state_ids(self) -> set[int]:
        """Of everything of which something is kept."""
        groups, logs = [one.state_id for one in self.groups], [one.state_id for one in self.event_logs]
        return {*groups, *logs, *(one.state_id for one in self.interventions), *self.resting}


class _Group(msgspec.Struct):
    state_id: int
    published: bool
    group: dict[str, object]


class _EventLog(msgspec.Struct):
    state_id: int
    event_log: dict[str, object]
    published: bool = True


class _Intervention(msgspec.Struct):
    state_id: int
    targets: list[str]
    sources: dict[str, int]
    intervention: dict[str, object]
    keys: dict[str, dict[str, object]] = {}
    since: int = 0


read_snapshot = msgspec.json.Decoder(Snapshot).decode


def compiled(snapshot: Snapshot) -> Program:
    """The program of what is published. One definition that this release cannot run does not stop the others."""
    plans = _group_plans(snapshot)
    logs = _log_plans(snapshot)
    rules = _rules(snapshot, plans)
    logger.info(
        "definitions in force",
        revision=snapshot.revision,
        groups=[plan.title for plan in plans],
        event_logs=[plan.log.name for plan in logs],
        interventions=[rule.title for rule in rules],
    )
    return Program(plans, logs, rules)


def _group_plans(snapshot: Snapshot) -> list[GroupPlan]:
    plans: list[GroupPlan] = []
    for entry in snapshot.groups:
        if not entry.published:
            continue
        try:
            plan = plan_group(AttributeGroup.model_validate(entry.group), entry.state_id)
            Program([plan])
            plans.append(plan)
        except Exception as error:
            logger.error("a published group is not computed", group=entry.group.get("name"), error=str(error))
    return plans


def _log_plans(snapshot: Snapshot) -> list[EventLogPlan]:
    plans: list[EventLogPlan] = []
    for entry in snapshot.event_logs:
        if not entry.published:
            continue
        try:
            plan = plan_event_log(EventLog.model_validate(entry.event_log), entry.state_id)
            Program([], [plan])
            plans.append(plan)
        except Exception as error:
            logger.error("a published event log is not kept", log=entry.event_log.get("name"), error=str(error))
    return plans


def _rules(snapshot: Snapshot, plans: Sequence[GroupPlan]) -> list[Rule]:
    computed = {(plan.group.name, plan.group.version): plan for plan in plans}
    keys = {plan.group.attribute_key.name: plan.key for plan in plans}
    rules: list[Rule] = []
    for entry in snapshot.interventions:
        try:
            intervention = RuleIntervention.model_validate(entry.intervention)
            targets = {name: _target(entry, name, keys) for name in entry.targets}
            rule = plan_rule(intervention, entry.state_id, computed, entry.sources, targets, entry.since)
            Findings(now=0).of(rule, Projection(set(rule.paths())))  # compiles what it looks for in events
            rules.append(rule)
        except Exception as error:
            logger.error(
                "a published intervention cannot fire", intervention=entry.intervention.get("name"), error=str(error)
            )
    return rules


def _target(entry: _Intervention, name: str, keys: Mapping[str, Property]) -> Property:
    """The property that gives the identifier of a target."""
    if name in entry.keys:
        source: Property | None = AttributeKey.model_validate(entry.keys[name]).key_property()
    else:  # a snapshot of an older release
        source = keys.get(name) or AttributeKey(name=name).key_property()
    if source is None:
        raise ValueError(f"attribute key `{name}` names nothing in an event")
    return source
