"""Criteria over attributes, compiled to one function of their values."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from snowmelt.compute.predicates import Predicates
from snowmelt.definitions.intervention import CriteriaNode, InterventionCriterion, children, criteria_of

Values: TypeAlias = Sequence[Any]
"""A value for each attribute of the criteria, as a reader gets them."""


class CompiledCriteria(NamedTuple):
    """What criteria ask for.

    Args:
        attributes: the ``group:attribute`` names, each once, in the order in which values are given.
        holds: whether values meet everything but ``changed``.
        changed: places of the attributes that must have changed as well.
        source: the generated expression, for people.
    """

    attributes: tuple[str, ...]
    holds: Callable[[Values], bool]
    changed: tuple[int, ...]
    source: str


def compile_criteria(root: CriteriaNode) -> CompiledCriteria:
    """Compile a criteria tree, checked by the rules of :mod:`snowmelt.definitions.rules`.

    A missing value meets nothing but ``is null``; ``none`` holds where no part does, also because values are missing.
    ``changed`` is no comparison of values but of two moments, so it is taken out: it stands alone or inside ``all``.

    Raises:
        ValueError: a regular expression cannot be compiled.

    >>> from snowmelt.definitions import InterventionCriterion
    >>> criteria = compile_criteria(InterventionCriterion(attribute="shop:cart_value", operator=">", value=100))
    >>> criteria.attributes, criteria.holds([250.5]), criteria.holds([None])
    (('shop:cart_value',), True, False)
    """
    names = list(dict.fromkeys(criterion.attribute for criterion in criteria_of(root)))
    changed: list[int] = []
    predicates = Predicates()

    def source(node: CriteriaNode) -> str:
        if isinstance(node, InterventionCriterion):
            place = names.index(node.attribute)
            if node.operator == "changed":
                changed.append(place)
                return "True"
            return predicates.source(f"values[{place}]", node.operator, node.value)
        grouping, parts = children(node)
        sources = [f"({source(part)})" for part in parts]
        if grouping == "all":
            return " and ".join(sources) or "True"
        either = " or ".join(sources) or "False"
        return f"not ({either})" if grouping == "none" else either

    text = source(root)
    namespace: dict[str, Any] = dict(predicates.namespace)
    holds = eval(f"lambda values: bool({text})", namespace)
    return CompiledCriteria(tuple(names), holds, tuple(dict.fromkeys(changed)), text)
