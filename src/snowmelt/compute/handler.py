"""Generated Python: what happens to the profiles when one kind of event arrives.

For each kind of event the attributes that it may concern become one function. Values that several
attributes test are read once, attributes with equal criteria share one branch, and nothing is read or looked
up for a branch that is not taken. ``snowmelt explain`` prints the source.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from snowmelt.compute import calculated
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.plan import AttributePlan, GroupPlan
from snowmelt.compute.predicates import Predicates
from snowmelt.compute.projection import Path, Projection
from snowmelt.compute.properties import NAMES, paths_of, property_source
from snowmelt.compute.scopes import Period
from snowmelt.compute.state import CHANGED
from snowmelt.definitions.criteria import Criterion
from snowmelt.definitions.rules.properties import is_every
from snowmelt.events.columns import entity_column

SPECIFICATION: Path = (
    entity_column("com.snowplowanalytics.snowplow", "event_specification", 1),
    0,
    "id",
)
MOMENT: tuple[Path, ...] = (("derived_tstamp",), ("collector_tstamp",), ("event_id",))

Concerned = Sequence[tuple[GroupPlan, Sequence[tuple[AttributePlan, frozenset[str]]]]]
"""Groups with those of their attributes that an event may update; the set, if not empty, holds the event
specifications that it must have been made for."""


def moment(derived: Any, collector: Any, event_id: Any, now: int) -> tuple[int, int, str]:
    """When an event happened: its own time, but never later than the collector saw it.

    >>> moment("1970-01-01T00:00:09Z", "1970-01-01T00:00:02Z", "e", now=0)
    (2000, 2000, 'e')
    """
    received = parse_instant(collector)
    happened = parse_instant(derived)
    if received is None:
        received = now if happened is None else happened
    if happened is None or happened > received:
        happened = received
    return happened, received, event_id if event_id.__class__ is str else ""


def paths_needed(plan: GroupPlan) -> Iterator[Path]:
    """Every path into an event that computing a group may read."""
    yield from paths_of(plan.key)
    for attribute in plan.attributes:
        for criterion in (*attribute.conditions, *attribute.alternatives):
            yield from paths_of(criterion.property)
        if attribute.takes != "event" and attribute.source.property is not None:
            yield from paths_of(attribute.source.property)
        if attribute.keeps.timed:
            yield from MOMENT
        if any(event.event_specification_id for event in attribute.source.events or []):
            yield SPECIFICATION


class HandlerSource:
    """Writes the function for one kind of event.

    Args:
        concerned: the groups and attributes that it may update.
        projection: how the event is decoded.
        is_settled: says of a criterion among those that must all hold that it is known to hold.

    ``text`` defines ``bind(states, now, reject)``, which returns ``handle(event)``; ``namespace`` holds what
    the text refers to.
    """

    def __init__(
        self,
        concerned: Concerned,
        projection: Projection,
        is_settled: Callable[[Criterion], bool] = lambda criterion: False,
    ) -> None:
        self._projection = projection
        self._is_settled = is_settled
        self._predicates = Predicates()
        self._values: dict[str, str] = {}
        self.namespace: dict[str, Any] = {
            **NAMES,
            "text_of": calculated.text_of,
            "parse_instant": parse_instant,
            "moment": moment,
            "scalars": frozenset({str, int, float, bool}),
        }
        bodies = [list(self._group(plan, attributes)) for plan, attributes in concerned]
        lines = ["def bind(states, now, reject):"]
        for plan, _ in concerned:
            lines += [
                f"    profiles_{plan.state_id} = states[{plan.state_id}]",
                f"    touch_{plan.state_id} = profiles_{plan.state_id}.touched.append",
            ]
        lines += ["    def handle(event):"]
        if any(attribute.keeps.timed for _, attributes in concerned for attribute, _ in attributes):
            lines += ["        at = None"]
        lines += [f"        {name} = {source}" for source, name in self._values.items()]
        lines += [f"        {line}" for body in bodies for line in body] or ["        pass"]
        lines += ["    return handle", ""]
        self.text = "\n".join(lines)
        self.namespace |= self._predicates.namespace

    def compile(self) -> Any:
        """The ``bind`` function."""
        exec(compile(self.text, "<snowmelt handler>", "exec"), self.namespace)  # noqa: S102
        return self.namespace["bind"]

    def _value(self, source: str) -> str:
        """The name of a value that is read once for all predicates."""
        return self._values.setdefault(source, f"value_{len(self._values)}")

    def _group(self, plan: GroupPlan, attributes: Iterable[tuple[AttributePlan, frozenset[str]]]) -> Iterator[str]:
        yield comment(plan.title)
        yield f"key = {property_source(plan.key, self._projection, 'event')}"
        yield "if key.__class__ is not str:"
        yield "    key = text_of(key)"
        yield "if key:"
        conditions = [(self._condition(attribute, specs), attribute) for attribute, specs in attributes]
        for condition, branch in groupby(sorted(conditions, key=_by_condition), key=lambda pair: pair[0]):
            indent = "    "
            if condition:
                yield f"    if {condition}:"
                indent = "        "
            yield f"{indent}profile = profiles_{plan.state_id}[key]"
            yield f"{indent}if profile[0]:"
            yield f"{indent}    profile[0] = {CHANGED}"
            yield f"{indent}    touch_{plan.state_id}(key)"
            for _, attribute in branch:
                for line in self._update(plan, attribute):
                    yield indent + line

    def _condition(self, attribute: AttributePlan, specifications: frozenset[str]) -> str:
        tests = []
        if specifications:
            value = self._value(self._projection.access(SPECIFICATION, "event"))
            tests.append(self._predicates.source(value, "in", sorted(specifications)))
        tests += [f"({self._test(criterion)})" for criterion in attribute.conditions if not self._is_settled(criterion)]
        either = [f"({self._test(criterion)})" for criterion in attribute.alternatives]
        if either:
            tests.append(f"({' or '.join(either)})")
        return " and ".join(tests)

    def _test(self, criterion: Criterion) -> str:
        value = self._value(property_source(criterion.property, self._projection, "event"))
        if is_every(criterion.property):
            return self._predicates.of_some(value, criterion.operator, criterion.value)
        return self._predicates.source(value, criterion.operator, criterion.value)

    def _update(self, plan: GroupPlan, attribute: AttributePlan) -> Iterator[str]:
        slot, keeps = f"profile[{attribute.slot}]", attribute.keeps
        yield comment(f"{attribute.name}: {attribute.source.aggregation}")
        if keeps.timed:
            derived, collector, event_id = (self._projection.access(path, "event") for path in MOMENT)
            yield "if at is None:"
            yield f"    at = moment({derived}, {collector}, {event_id}, now)"
        at = "at" if keeps.timed else "None"
        name = f"{plan.state_id}_{attribute.slot}"
        if attribute.takes == "event":
            yield from self._keep(name, slot, keeps, "None", at)
            return
        assert attribute.source.property is not None
        source = property_source(attribute.source.property, self._projection, "event")
        indent = ""
        if is_every(attribute.source.property):
            yield f"for raw in {source}:"
            source, indent = "raw", "    "
        for line in _accept(attribute.takes, source, keeps.longest_text):
            yield indent + line
        for line in self._keep(name, slot, keeps, "value", at):
            yield f"{indent}    {line}"
        yield f"{indent}elif raw is not None:"
        yield f"{indent}    reject({plan.state_id}, {attribute.slot})"

    def _keep(self, name: str, slot: str, keeps: Aggregation, value: str, at: str) -> Iterator[str]:
        """The lines that put one value into the state at ``slot``."""
        if isinstance(keeps, Period):
            self.namespace[f"update_{name}"] = keeps.update
            yield f"{slot} = update_{name}({slot}, {value}, {at}, now)"
        elif keeps.inline:
            start, add = keeps.inline
            yield f"{slot} = {start} if (state := {slot}) is None else {add}"
        else:
            self.namespace |= {f"start_{name}": keeps.start, f"add_{name}": keeps.add}
            yield f"{slot} = (start_{name}({value}, {at}) if (state := {slot}) is None"
            yield f"    else add_{name}(state, {value}, {at}))"


def comment(text: str) -> str:
    """A line of comment; whatever the text holds, it cannot end it and write code."""
    return "# " + text.encode("unicode_escape").decode()


def _accept(takes: str, source: str, longest_text: int) -> Iterator[str]:
    """The lines that open the branch in which ``value`` serves the aggregation; ``raw`` is what was found."""
    if takes == "instant":
        if source != "raw":
            yield f"raw = {source}"
        yield "value = parse_instant(raw)"
        yield "if value is not None:"
        return
    yield f"value = {source}" if source == "raw" else f"value = raw = {source}"
    if takes == "number":
        yield "if value.__class__ is float or value.__class__ is int:"
    else:
        yield f"if value.__class__ in scalars and (value.__class__ is not str or len(value) <= {longest_text}):"


def _by_condition(pair: tuple[str, AttributePlan]) -> tuple[str, int]:
    return pair[0], pair[1].slot
