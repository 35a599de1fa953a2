"""Generated Python: what happens to event logs when one kind of event arrives."""

from collections.abc import Iterator, Sequence
from typing import Any

from snowmelt.compute import calculated
from snowmelt.compute.event_log_plan import EventLogPlan, SelectionPlan
from snowmelt.compute.handler import MOMENT, SPECIFICATION, comment, moment
from snowmelt.compute.kept_events import packed
from snowmelt.compute.predicates import Predicates
from snowmelt.compute.projection import Path, Projection
from snowmelt.compute.properties import NAMES, paths_of, property_source
from snowmelt.compute.state import CHANGED

Selected = tuple[SelectionPlan, frozenset[str]]
"""A selection that may match; the set, if not empty, holds the event specifications that the event must have."""

ConcernedLogs = Sequence[tuple[EventLogPlan, Sequence[Selected]]]


def log_paths_needed(plan: EventLogPlan) -> Iterator[Path]:
    """Every path into an event that keeping a log may read."""
    yield from paths_of(plan.key)
    yield from MOMENT
    for selection in plan.selections:
        for kept in selection.properties:
            yield from paths_of(kept)
        if selection.event.event_specification_id:
            yield SPECIFICATION


class EventLogHandlerSource:
    """Writes the function that puts one kind of event into the logs that may keep it.

    Args:
        concerned: the logs and their selections, as for :class:`snowmelt.compute.handler.HandlerSource`.
        projection: how the event is decoded.

    ``text`` defines ``bind(states, now, reject)``, which returns ``handle(event)``.
    """

    def __init__(self, concerned: ConcernedLogs, projection: Projection) -> None:
        self._projection = projection
        self._predicates = Predicates()
        self.namespace: dict[str, Any] = {**NAMES, "text_of": calculated.text_of, "moment": moment, "packed": packed}
        derived, collector, event_id = (projection.access(path, "event") for path in MOMENT)
        lines = ["def bind(states, now, reject):"]
        for plan, _ in concerned:
            self.namespace |= {f"edge_{plan.state_id}": plan.keeps.edge, f"update_{plan.state_id}": plan.keeps.update}
            lines += [
                f"    profiles_{plan.state_id} = states[{plan.state_id}]",
                f"    touch_{plan.state_id} = profiles_{plan.state_id}.touched.append",
                f"    oldest_{plan.state_id} = edge_{plan.state_id}(now)",
            ]
        lines += ["    def handle(event):", f"        at = moment({derived}, {collector}, {event_id}, now)"]
        if any(specifications for _, selected in concerned for _, specifications in selected):
            lines += [f"        specification = {projection.access(SPECIFICATION, 'event')}"]
        lines += [
            *(f"        {line}" for plan, selected in concerned for line in self._log(plan, selected)),
            "    return handle",
            "",
        ]
        self.text = "\n".join(lines)
        self.namespace |= self._predicates.namespace

    def compile(self) -> Any:
        """The ``bind`` function."""
        exec(compile(self.text, "<snowmelt event log handler>", "exec"), self.namespace)  # noqa: S102
        return self.namespace["bind"]

    def _log(self, plan: EventLogPlan, selected: Sequence[Selected]) -> Iterator[str]:
        state_id = plan.state_id
        yield comment(plan.title)
        yield f"key = {property_source(plan.key, self._projection, 'event')}"
        yield "if key.__class__ is not str:"
        yield "    key = text_of(key)"
        yield f"if key and at[0] >= oldest_{state_id}:"
        yield "    entry = None"
        for number, (selection, specifications) in enumerate(selected):
            # Only the last one can be without a condition: see Program.
            condition = self._predicates.source("specification", "in", sorted(specifications))
            test = f"if {condition}" if specifications else "if True"
            yield f"    {'el' if number else ''}{test}:"
            values = "".join(f"{property_source(kept, self._projection, 'event')}, " for kept in selection.properties)
            yield f"        entry = packed({selection.number}, ({values}))"
        yield "    if entry is not None:"
        yield f"        profile = profiles_{state_id}[key]"
        yield "        if profile[0]:"
        yield f"            profile[0] = {CHANGED}"
        yield f"            touch_{state_id}(key)"
        yield f"        profile[1] = update_{state_id}(profile[1], entry, at, now)"
