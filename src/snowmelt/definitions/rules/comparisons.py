"""Rules for criteria: what each operator compares with."""

from collections.abc import Iterator
from typing import Any

from snowmelt.definitions.criteria import Criteria
from snowmelt.definitions.event import Event
from snowmelt.definitions.patterns import expression
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules.properties import check_property


def check_comparison(operator: str, value: Any) -> Iterator[Problem]:
    """Whether an operator has the value that it needs.

    >>> [problem.msg for problem in check_comparison("in", "DE")]
    ['`in` needs a list of values that is not empty']
    """
    if operator in ("in", "not in"):
        if not isinstance(value, list) or not value:
            yield Problem(("value",), f"`{operator}` needs a list of values that is not empty", "list_needed")
    elif operator in ("is null", "is not null", "changed"):
        if value is not None:
            yield Problem(("value",), f"`{operator}` takes no value; leave it out", "value_unused")
    elif value is None or isinstance(value, list):
        hint = "; for a list write `in`" if operator == "=" else ""
        yield Problem(("value",), f"`{operator}` needs one string, number or boolean{hint}", "scalar_needed")
    elif operator.endswith("like"):
        if not isinstance(value, str):
            yield Problem(("value",), f"`{operator}` needs a text", "text_needed")
        elif operator.endswith("rlike"):
            try:
                expression(value)
            except ValueError as error:
                yield Problem(("value",), str(error), "pattern")


def check_criteria(criteria: Criteria) -> Iterator[Problem]:
    """What is wrong with conditions on events."""
    for member, criterions in (("all", criteria.all), ("any", criteria.any)):
        for index, criterion in enumerate(criterions or ()):
            for problem in check_property(criterion.property):
                yield problem.under(member, index, "property")
            for problem in check_comparison(criterion.operator, criterion.value):
                yield problem.under(member, index)


def check_event(event: Event) -> Iterator[Problem]:
    """An event specification says it all, so nothing may stand beside it."""
    if event.event_specification_id is None:
        return
    others = [name for name in type(event).model_fields if name != "event_specification_id"]
    beside = [name for name in others if getattr(event, name) is not None]
    if beside:
        listed = ", ".join(f"`{name}`" for name in beside)
        yield Problem(
            ("event_specification_id",),
            f"`event_specification_id` stands alone: leave out {listed}",
            "exclusive",
        )
