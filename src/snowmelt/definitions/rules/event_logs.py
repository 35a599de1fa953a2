"""Rules for event logs and agentic decisions."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from snowmelt.definitions.agentic_decision import AgenticDecision
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.attribute_key import LinkAttributeKey
from snowmelt.definitions.event_log import EventLog, EventLogAtomicProperty, EventSelection
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules.comparisons import check_event
from snowmelt.definitions.rules.interventions import check_criteria_attributes, check_criteria_tree

SESSION_KEY: Final = "domain_sessionid"


def check_event_log(event_log: EventLog) -> list[Problem]:
    """Every problem of an event log.

    >>> from snowmelt.definitions import PageView, user_id
    >>> title = EventLogAtomicProperty(name="page_title")
    >>> log = EventLog(
    ...     name="recent",
    ...     attribute_key=user_id,
    ...     events=[EventSelection(event=PageView(), properties=[title])],
    ...     max_events=50,
    ...     max_age_seconds=1800,
    ... )
    >>> [problem.loc for problem in check_event_log(log)]
    [('attribute_key', 'name')]
    """
    problems = [*_check_session(event_log.attribute_key), *_check_version(event_log.version)]
    for index, selection in enumerate(event_log.events):
        problems += (problem.under("events", index) for problem in _check_selection(selection))
    return problems


def check_agentic_decision(decision: AgenticDecision) -> list[Problem]:
    """Every problem of an agentic decision, apart from what it refers to."""
    problems = [*_check_session(decision.attribute_key), *_check_version(decision.version)]
    names = [value.name for value in decision.values or ()]
    if decision.output_type == "enum" and len(names) < 2:
        problems.append(Problem(("values",), "`enum` needs two values at least to decide between", "too_short"))
    if decision.output_type != "enum" and names:
        problems.append(Problem(("values",), f"`{decision.output_type}` has no `values`", "values_unused"))
    problems += (
        Problem(("values", index, "name"), f"`{name}` is there already", "duplicate_name")
        for index, name in enumerate(names)
        if name in names[:index]
    )
    for index, trigger in enumerate(decision.triggers):
        problems += (problem.under("triggers", index, "criteria") for problem in check_criteria_tree(trigger.criteria))
    return problems


def check_decision_references(
    decision: AgenticDecision, known_groups: Iterable[AttributeGroup], live_event_logs: Collection[str]
) -> list[Problem]:
    """What an agentic decision refers to in vain; this keeps it from being published.

    Args:
        decision: the definition.
        known_groups: the registered group versions.
        live_event_logs: names of the published event logs.
    """
    problems = [
        Problem(("contexts", index), f"there is no published event log `{name}`: publish it first", "unknown_event_log")
        for index, name in enumerate(decision.contexts)
        if name not in live_event_logs
    ]
    groups = list(known_groups)
    for index, trigger in enumerate(decision.triggers):
        problems += check_criteria_attributes(trigger.criteria, ("triggers", index, "criteria"), groups)
    return problems


def _check_session(key: LinkAttributeKey) -> Iterator[Problem]:
    if key.name != SESSION_KEY:
        yield Problem(
            ("attribute_key", "name"),
            f"this is about sessions: the key is `{SESSION_KEY}`, not `{key.name}`",
            "key",
        )


def _check_version(version: int) -> Iterator[Problem]:
    if version < 1:
        yield Problem(("version",), "versions are counted from 1", "greater_than_equal")


def _check_selection(selection: EventSelection) -> Iterator[Problem]:
    event = selection.event
    yield from (problem.under("event") for problem in check_event(event))
    if event.version is not None and event.major_version is not None:
        yield Problem(
            ("event", "major_version"),
            "`version` and `major_version` exclude each other: the second takes any version of this major",
            "exclusive",
        )
    seen: dict[str, int] = {}
    for index, kept in enumerate(selection.properties):
        key = kept.output_key()
        if key in seen:
            yield Problem(
                ("properties", index),
                f"`{key}` is the output of properties.{seen[key]} already: give it another `output_name`",
                "duplicate_output",
            )
        seen.setdefault(key, index)
        if key == "derived_tstamp" and not (isinstance(kept, EventLogAtomicProperty) and kept.name == key):
            yield Problem(
                ("properties", index),
                "`derived_tstamp` is the time of the event in every log: give this another `output_name`",
                "reserved_output",
            )
