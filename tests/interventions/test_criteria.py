"""Criteria over attributes: each operator, nothing, and how they nest."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from snowmelt.definitions import InterventionCriterion
from snowmelt.definitions.intervention import InterventionCriteria
from snowmelt.interventions.criteria import compile_criteria

MISSING: list[Any] = [None]


def holds(operator: str, operand: Any, value: Any) -> bool:
    criterion = InterventionCriterion(attribute="g:a", operator=operator, value=operand)
    return compile_criteria(criterion).holds([value])


@pytest.mark.parametrize(
    ("operator", "operand", "true_of", "false_of"),
    [
        ("=", 1, [1, 1.0], [True, "1", 2, None, [1]]),
        ("=", True, [True], [1, "true", False, None]),
        ("=", "2026-01-01T00:00:00Z", ["2026-01-01 00:00:00.000", "2026-01-01T01:00:00+01:00"], ["2026", None]),
        ("!=", 1, [2, "1", True, ["x"]], [1, 1.0, None]),
        ("<", 3, [2.9, -1], [3, "2", True, None]),
        (">=", "b", ["b", "c"], ["a", 7, None]),
        ("in", ["a", "b"], ["a", "b"], ["c", True, None, ["a"]]),
        ("in", [1, 2], [1, 2.0], [3, True, "1", None]),
        ("not in", ["a", "b"], ["c", 3, True], ["a", None]),
        ("like", "sho%_", ["shoes", "sho\n"], ["Shoes", "sho", None, 5]),
        ("not like", "sho%", ["bags", 5], ["shoes", None]),
        ("rlike", "^/(shoes|bags)/", ["/shoes/1"], ["x/shoes/", None, 3]),
        ("not rlike", "oe", ["bags", 3], ["shoes", None]),
        ("is null", None, [None], [0, "", False, []]),
        ("is not null", None, [0, "", False], [None]),
    ],
)
def test_an_operator(operator: str, operand: Any, true_of: list[Any], false_of: list[Any]) -> None:
    assert [value for value in true_of if not holds(operator, operand, value)] == []
    assert [value for value in false_of if holds(operator, operand, value)] == []


def test_an_expression_cannot_take_long() -> None:
    # A backtracking engine would not end in this century.
    assert not holds("rlike", "^(a+)+$", "a" * 5_000 + "b")


def test_changed_is_taken_out_of_all() -> None:
    tree = {"all": [{"attribute": "g:a", "operator": "changed"}, {"attribute": "g:b", "operator": ">", "value": 1}]}
    criteria = compile_criteria(TypeAdapter(InterventionCriteria).validate_python(tree))
    assert criteria.changed == (0,)
    assert [criteria.holds([None, value]) for value in (1, 2)] == [False, True]


leaves = st.builds(
    lambda name, operator, value: {"attribute": f"g:{name}", "operator": operator, "value": value},
    st.sampled_from("abc"),
    st.sampled_from(["=", "!=", "<", ">=", "is null"]),
    st.integers(0, 2),
).map(lambda leaf: leaf if leaf["operator"] != "is null" else {k: v for k, v in leaf.items() if k != "value"})
trees = st.recursive(
    leaves,
    lambda parts: st.builds(
        lambda grouping, several: {grouping: several},
        st.sampled_from(["all", "any", "none"]),
        st.lists(parts, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def plainly(tree: dict[str, Any], values: dict[str, Any]) -> bool:
    """The same by the book."""
    for grouping, joined in (("all", all), ("any", any)):
        if grouping in tree:
            return joined(plainly(part, values) for part in tree[grouping])
    if "none" in tree:
        return not any(plainly(part, values) for part in tree["none"])
    value, operand = values[tree["attribute"]], tree.get("value")
    if tree["operator"] == "is null":
        return value is None
    if value is None:
        return False
    return bool(
        {"=": value == operand, "!=": value != operand, "<": value < operand, ">=": value >= operand}[tree["operator"]]
    )


@given(trees, st.lists(st.none() | st.integers(0, 2), min_size=3, max_size=3))
def test_trees_are_what_their_parts_are(tree: dict[str, Any], three: list[Any]) -> None:
    values = dict(zip(("g:a", "g:b", "g:c"), three, strict=True))
    criteria = compile_criteria(TypeAdapter(InterventionCriteria).validate_python(tree))
    assert criteria.holds([values[name] for name in criteria.attributes]) == plainly(tree, values)
