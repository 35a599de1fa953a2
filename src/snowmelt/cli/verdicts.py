"""A diagnosis in words for people, and as JSON for scripts."""

import json
from collections.abc import Iterator
from typing import Any

import typer

from snowmelt.cli.arrivals import Arrival
from snowmelt.compute.instant import format_instant
from snowmelt.compute.plan import GroupPlan, Property
from snowmelt.compute.profiles import MAX_KEY_BYTES
from snowmelt.compute.scopes import Period
from snowmelt.compute.verdict import (
    CriteriaFailed,
    Diagnosis,
    EngineError,
    NotAsked,
    NoValue,
    Reading,
    Reason,
    TooOld,
    UnfitValue,
    Unmet,
    UnusableKey,
    Verdict,
)
from snowmelt.definitions import Event
from snowmelt.definitions.duration import format_duration
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty, EntityProperty
from snowmelt.definitions.rules.properties import is_every
from snowmelt.enrichment.failed import FailedEvent

LONGEST_SHOWN = 80
"""A longer value is cut in text; JSON has it whole."""

_TAKEN = {"number": "numbers", "instant": "date-times", "scalar": "texts, numbers and booleans"}


def failure_lines(arrival: Arrival, failed: FailedEvent) -> Iterator[str]:
    """An event that failed enrichment, for people."""
    yield _heading(failed.event_id, failed.event_name, arrival.place)
    yield f"  {typer.style('failed', fg=typer.colors.RED)}  {failed.category}: {_plain(failed.reason)}"


def failure_data(arrival: Arrival, failed: FailedEvent, plan: GroupPlan) -> dict[str, Any]:
    """An event that failed enrichment, for scripts."""
    return {
        "place": arrival.place,
        "group": plan.title,
        "event": {"id": failed.event_id, "name": failed.event_name},
        "failed": {"category": failed.category, "reason": failed.reason},
    }


def diagnosis_lines(arrival: Arrival, diagnosis: Diagnosis, plan: GroupPlan, now: int) -> Iterator[str]:
    """What an event does to each attribute, for people: a heading, then one line for each.

    Args:
        arrival: the event.
        diagnosis: of it.
        plan: the group.
        now: the present, ms since the epoch.
    """
    name = plan.group.attribute_key.name
    whose = "no usable key" if diagnosis.identifier is None else f"{name} {_shown(diagnosis.identifier)}"
    yield f"{_heading(diagnosis.event_id, diagnosis.name, arrival.place)}, {whose}"
    width = max(len(verdict.attribute.name) for verdict in diagnosis.verdicts)
    for verdict in diagnosis.verdicts:
        if verdict.reason is None:
            mark, said = typer.style("updated    ", fg=typer.colors.GREEN), _update_text(verdict, diagnosis, now)
        else:
            mark = typer.style("not updated", fg=typer.colors.YELLOW)
            said = reason_text(verdict.reason, verdict, diagnosis, arrival.time)
        yield f"  {mark}  {verdict.attribute.name:<{width}}  {said}"


def diagnosis_data(arrival: Arrival, diagnosis: Diagnosis, plan: GroupPlan, now: int) -> dict[str, Any]:
    """The same for scripts; the arguments are those of :func:`diagnosis_lines`."""
    return {
        "place": arrival.place,
        "group": plan.title,
        "event": {
            "id": diagnosis.event_id,
            "name": diagnosis.name,
            "vendor": diagnosis.vendor,
            "version": diagnosis.version,
            "specification": diagnosis.specification,
        },
        "time": format_instant(diagnosis.time),
        "arrived": format_instant(arrival.time),
        "key": {"name": plan.group.attribute_key.name, "found": diagnosis.key.value},
        "identifier": diagnosis.identifier,
        "attributes": [_verdict_data(verdict, diagnosis, arrival.time, now) for verdict in diagnosis.verdicts],
    }


def _verdict_data(verdict: Verdict, diagnosis: Diagnosis, arrived: int, now: int) -> dict[str, Any]:
    data: dict[str, Any] = {"name": verdict.attribute.name, "updated": verdict.updated}
    if verdict.value is not None:
        data["found"] = verdict.value.value
    if verdict.updated and (past := _past_period(verdict, diagnosis, now)) is not None:
        data["in_period_now"] = not past
    if verdict.reason is not None:
        code, details = _reason_data(verdict.reason)
        data["reason"] = {"code": code, "text": reason_text(verdict.reason, verdict, diagnosis, arrived)} | details
    return data


def _reason_data(reason: Reason) -> tuple[str, dict[str, Any]]:
    match reason:
        case NotAsked():
            code = "other_specification" if reason.by_specification else "not_asked"
            return code, {"asked": [entry.to_wire() for entry in reason.entries]}
        case UnusableKey():
            return "unusable_key", {"fault": reason.fault.replace(" ", "_")}
        case CriteriaFailed():
            return "criteria_failed", {
                side: [_criterion_data(one) for one in failed]
                for side, failed in (("all", reason.all), ("any", reason.any))
                if failed
            }
        case UnfitValue():
            return "unfit_value", {"takes": reason.takes}
        case NoValue():
            return "no_value", {}
        case TooOld():
            return "too_old", {"period_ms": reason.period}
        case EngineError():
            return "engine_error", {}


def _criterion_data(unmet: Unmet) -> dict[str, Any]:
    return unmet.criterion.to_wire() | {"found": unmet.found.value}


def reason_text(reason: Reason, verdict: Verdict, diagnosis: Diagnosis, arrived: int) -> str:
    """Why an attribute is not updated.

    Args:
        reason: the reason.
        verdict: whose it is.
        diagnosis: of the event.
        arrived: when the event did, ms since the epoch.
    """
    match reason:
        case NotAsked():
            asked = " or ".join(map(_entry_text, reason.entries))
            return f"no entry of `events` matches: asked is {asked}; the event is {_identity_text(reason, diagnosis)}"
        case UnusableKey():
            return f"{_reading_text(reason.found)}{_KEY_FAULTS[reason.fault]}"
        case CriteriaFailed():
            parts = [_unmet_text(one) for one in reason.all]
            if reason.any:
                parts.append(f"none of `any` holds: {', '.join(map(_unmet_text, reason.any))}")
            return "; ".join(parts)
        case NoValue():
            return _reading_text(reason.found)
        case UnfitValue():
            text = reason.found.value
            if reason.takes == "scalar" and isinstance(text, str):
                taken = f"keeps texts of at most {reason.longest_text:,} characters"
            else:
                taken = f"takes {_TAKEN[reason.takes]} only"
            return f"{_reading_text(reason.found)}; {verdict.attribute.source.aggregation} {taken}"
        case TooOld():
            period = verdict.attribute.source.period
            assert period is not None
            return (
                f"older than the period of {format_duration(period)} when it arrived: it happened at "
                f"{format_instant(diagnosis.time)} and arrived at {format_instant(arrived)}"
            )
        case EngineError():
            return f"an error in Snowmelt: {reason.error}"


_KEY_FAULTS = {
    "missing": ", so the event names no profile",
    "empty": ", so the event names no profile",
    "no scalar": "; a key must be a text, a number or a boolean",
    "too long": f"; a key may have {MAX_KEY_BYTES} bytes in UTF-8",
}


def property_text(source: Property) -> str:
    """A property in short, as people may call it.

    >>> property_text(EntityProperty(vendor="com.acme", name="product", major_version=1, path="$.price"))
    'product[0].price'
    >>> property_text(AtomicProperty(name="derived_tstamp", date_part="hour_of_day"))
    'hour_of_day(derived_tstamp)'
    """
    if isinstance(source, CalculatedProperty):
        return f"{source.operation}({', '.join(map(property_text, source.properties))})"
    if isinstance(source, AtomicProperty):
        text: str = source.name
    else:
        path = source.path.removeprefix("$").removeprefix(".")
        text = f"{source.name}[{source.index}]" if isinstance(source, EntityProperty) else source.name
        text += path if path.startswith("[") else f".{path}"
    return f"{source.date_part}({text})" if source.date_part else text


def _heading(event_id: Any, name: Any, place: str) -> str:
    named = typer.style(_plain(name) if name is not None else "event without a name", bold=True)
    return f"{named} {_plain(event_id) if event_id is not None else 'without an id'} ({place})"


def _update_text(verdict: Verdict, diagnosis: Diagnosis, now: int) -> str:
    text: str = verdict.attribute.source.aggregation
    if verdict.value is not None:
        text += f": {_reading_text(verdict.value)}"
    if _past_period(verdict, diagnosis, now):
        text += "; past its period by now"
    return text


def _past_period(verdict: Verdict, diagnosis: Diagnosis, now: int) -> bool | None:
    """Whether no read from now on sees the event; ``None`` without a period."""
    keeps = verdict.attribute.keeps
    return keeps.tile(diagnosis.time) < keeps.oldest(now) if isinstance(keeps, Period) else None


def _entry_text(entry: Event) -> str:
    members = entry.to_wire()
    return ", ".join(f"{member.replace('_', ' ')} {_plain(value)}" for member, value in members.items()) or "any"


def _identity_text(reason: NotAsked, diagnosis: Diagnosis) -> str:
    parts = (diagnosis.vendor, diagnosis.name, diagnosis.version)
    text = "/".join("-" if part is None else _plain(part) for part in parts)
    if not any(entry.event_specification_id for entry in reason.entries):
        return text
    made_for = diagnosis.specification
    return f"{text}, event specification {'none' if made_for is None else _plain(made_for)}"


def _unmet_text(unmet: Unmet) -> str:
    criterion = unmet.criterion
    operand = "" if criterion.operator.startswith("is ") else f" {_shown(criterion.value)}"
    return f"{property_text(criterion.property)} {criterion.operator}{operand} fails, as {_found_text(unmet.found)}"


def _reading_text(reading: Reading) -> str:
    return f"{property_text(reading.property)} {_found_text(reading).removeprefix('it ')}"


def _found_text(reading: Reading) -> str:
    nothing = reading.value is None or (is_every(reading.property) and all(value is None for value in reading.value))
    text = "it is missing" if nothing else f"it is {_shown(reading.value)}"
    if reading.parts:
        return f"{text} ({', '.join(map(_reading_text, reading.parts))})"
    if reading.data_there or isinstance(reading.property, AtomicProperty | CalculatedProperty):
        return text
    schema = reading.property
    kind = "entity" if isinstance(schema, EntityProperty) else "data"
    return f"{text} (the event has no {kind} {schema.vendor}/{schema.name}/{schema.major_version})"


def _plain(value: Any) -> str:
    """A text as it is, or escaped if it holds line breaks or what a terminal might obey."""
    if isinstance(value, str):
        return value if value.isprintable() else json.dumps(value)
    return _shown(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    text = text if text.isprintable() else json.dumps(value)
    if len(text) <= LONGEST_SHOWN:
        return text
    length = f" of {len(value):,} characters" if isinstance(value, str) else ""
    return f"{text[:LONGEST_SHOWN]}...{length}"
