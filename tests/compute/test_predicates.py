"""Criteria keep SQL's logic of nulls and kinds."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from snowmelt.compute.predicates import Predicates, like_pattern

OPERATORS = ["=", "!=", "<", ">", "<=", ">=", "in", "like", "is null", "is not null"]


def holds(value: Any, operator: str, operand: Any = None) -> bool:
    predicates = Predicates()
    source = predicates.source("v", operator, operand)
    result = eval(source, predicates.namespace | {"v": value})
    assert isinstance(result, bool)
    return result


@pytest.mark.parametrize(
    ("value", "operator", "operand", "expected"),
    [
        # A comparison with nothing is never true.
        *[(None, operator, 1, False) for operator in ("=", "!=", "<", ">", "<=", ">=")],
        (None, "in", [1, "a"], False),
        (None, "like", "%", False),
        (None, "is null", None, True),
        (None, "is not null", None, False),
        (0, "is null", None, False),
        ("", "is not null", None, True),
        # Kinds: a number is no text, a boolean no number.
        (1, "=", 1.0, True),
        (1.0, "=", 1, True),
        (True, "=", 1, False),
        (1, "=", True, False),
        (False, "=", 0, False),
        (0, "=", False, False),
        (True, "=", True, True),
        ("1", "=", 1, False),
        (1, "=", "1", False),
        (True, "!=", 1, True),
        ("1", "!=", 1, True),
        ([1], "!=", 1, True),
        ("2", ">", 1, False),
        (2, ">", "1", False),
        (True, ">", 0, False),
        (True, ">", False, True),
        (2, ">=", 2.0, True),
        ("b", ">", "a", True),
        ("B", ">", "a", False),
        # Instants, where both sides are some.
        ("2024-01-01T00:00:00Z", "=", "2024-01-01 01:00:00+01:00", True),
        ("2024-01-01T00:00:00Z", "!=", "2024-01-01 00:00:00.000", False),
        ("2024-01-01T00:30:00+01:00", "<", "2024-01-01T00:00:00Z", True),
        ("2024-01-01T01:00:00+01:00", "<=", "2024-01-01T00:00:00Z", True),
        ("2024-01-01T01:00:00+01:00", ">=", "2024-01-01T00:00:00Z", True),
        ("2024-01-01T01:00:00+01:00", "<", "2024-01-01T00:00:00Z", False),
        ("2024-01-01T01:00:00+01:00", ">", "2024-01-01T00:00:00Z", False),
        ("2024-01-01", "<", "2024-01-01T00:00:00Z", True),
        ("soon", ">", "2024-01-01T00:00:00Z", True),
        (5, ">", "2024-01-01T00:00:00Z", False),
        ("2024-01-01T01:00:00+01:00", "in", ["x", "2024-01-01T00:00:00Z"], True),
        # Lists.
        ("a", "in", ["a", "b"], True),
        ("A", "in", ["a", "b"], False),
        (1, "in", [1.0, 2], True),
        (True, "in", [1, 2], False),
        (1, "in", [True], False),
        (1, "in", ["1"], False),
        ("a", "in", [], False),
        (["a"], "in", ["a"], False),
        # Numbers that have no literal.
        (5, "<", math.inf, True),
        (5, ">", -math.inf, True),
        (5, "=", math.inf, False),
        (5, "<", math.nan, False),
        # Text that means something in Python.
        ("'", "=", "'", True),
        ("\\", "=", "\\", True),
        ("\n", "=", "\n", True),
        ("{x}", "in", ["{x}"], True),
    ],
)
def test_examples(value: Any, operator: str, operand: Any, expected: bool) -> None:
    assert holds(value, operator, operand) is expected


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("", [""], ["a"]),
        ("%", ["", "a", "a\nb"], []),
        ("a%", ["a", "ab", "a\n"], ["A", "ba"]),
        ("%a", ["a", "ba", "\na"], ["ab", "a\n"]),
        ("_", ["a", "\n", "é"], ["", "ab"]),
        (r"50\%", ["50%"], ["500", r"50\x"]),
        (r"a\_b", ["a_b"], ["axb"]),
        (r"a\\b", [r"a\b"], [r"a\\b"]),
        ("a\\", ["a\\"], ["a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[ab]", ["[ab]"], ["a"]),
        ("%日%", ["x日y"], ["x"]),
    ],
)
def test_like(pattern: str, matches: list[str], others: list[str]) -> None:
    found = like_pattern(pattern)
    assert [text for text in matches if not found.fullmatch(text)] == []
    assert [text for text in others if found.fullmatch(text)] == []
    assert not holds(5, "like", pattern) and not holds(["a"], "like", pattern)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3).map(lambda number: round(number)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "b", "1", "true", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00", "2024-01-02T00:00:00Z"]),
)


@given(scalars, st.sampled_from(OPERATORS), scalars.filter(lambda operand: operand is not None), st.data())
def test_the_oracle_agrees(value: Any, operator: str, operand: Any, data: st.DataObject) -> None:
    if operator == "in":
        operand = [operand, *data.draw(st.lists(st.just(operand), max_size=1))]
    elif operator == "like":
        operand = data.draw(st.text(r"ab%_\ ", max_size=6))
    assert holds(value, operator, operand) == oracle.holds(value, operator, operand)
