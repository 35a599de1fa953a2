"""Criteria as generated Python: SQL's logic of nulls and kinds, decided as far as possible when compiled."""

import math
import re
from collections.abc import Callable
from typing import Any

from snowmelt.compute.instant import parse_instant
from snowmelt.definitions.patterns import expression

ORDER = ("<", ">", "<=", ">=")


def like_pattern(pattern: str) -> re.Pattern[str]:
    """A SQL ``LIKE`` pattern as a regular expression to be matched in full.

    ``%`` is any run, ``_`` one character, a backslash escapes, letters keep their case.

    >>> bool(like_pattern("50\\\\% %").fullmatch("50% off")), bool(like_pattern("a_").fullmatch("a"))
    (True, False)
    """
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            parts.append(re.escape(next(characters, "\\")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return re.compile("".join(parts), re.DOTALL)


def compares_instant(value: Any, instant: int, operator: str) -> bool | None:
    """How a value compares as an instant, or ``None`` if it is none."""
    other = parse_instant(value)
    if other is None:
        return None
    return {
        "=": other == instant,
        "<": other < instant,
        ">": other > instant,
        "<=": other <= instant,
        ">=": other >= instant,
    }[operator]


class Predicates:
    """Writes the source of predicates and keeps the objects that they refer to by name.

    >>> predicates = Predicates()
    >>> predicates.source("v", "=", "add_to_cart")
    "v == 'add_to_cart'"
    """

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"compares_instant": compares_instant}
        self._names: dict[tuple[str, Any], str] = {}

    def source(self, value: str, operator: str, operand: Any) -> str:
        """A Python expression that is true where ``value operator operand`` is true in SQL.

        Args:
            value: a name or expression for the event's value; may be evaluated more than once.
            operator: one of the public API's operators, of events or of rules, but ``changed``.
            operand: the criterion's constant, or a list of them for ``in`` and ``not in``.
        """
        if operator.startswith("not "):
            return f"{value} is not None and not ({self.source(value, operator.removeprefix('not '), operand)})"
        match operator:
            case "is null":
                return f"{value} is None"
            case "is not null":
                return f"{value} is not None"
            case "=":
                return self._equal(value, operand)
            case "!=":
                return f"{value} is not None and not ({self._equal(value, operand)})"
            case "in":
                return self._contained(value, operand)
            case "like":
                name = self._name("like", operand, lambda: like_pattern(operand).fullmatch)
                return f"{value}.__class__ is str and {name}({value}) is not None"
            case "rlike":
                name = self._name("rlike", operand, lambda: expression(operand).search)
                return f"{value}.__class__ is str and {name}({value}) is not None"
        return self._ordered(value, operator, operand)

    def of_some(self, values: str, operator: str, operand: Any) -> str:
        """A Python expression that is true where the comparison is true of one of several values.

        ``is null`` is the exception: it is true where there is no value at all.

        Args:
            values: a name or expression for the event's values, a list.
            operator: as in :meth:`source`.
            operand: as in :meth:`source`.

        >>> Predicates().of_some("values", "=", "lamp")
        "any(item == 'lamp' for item in values)"
        """
        if operator == "is null":
            return f"not {self.of_some(values, 'is not null', operand)}"
        return f"any({self.source('item', operator, operand)} for item in {values})"

    def _name(self, prefix: str, operand: Any, make: Callable[[], Any]) -> str:
        """The name of what an operand is compiled to; equal operands share one, so that equal tests look equal."""
        name = self._names.get((prefix, operand))
        if name is None:
            name = self._names[prefix, operand] = f"{prefix}_{len(self._names)}"
            self.namespace[name] = make()
        return name

    def _equal(self, value: str, operand: Any) -> str:
        if operand.__class__ is bool:
            return f"{value} is {operand}"
        if operand in (0, 1):
            # In Python True == 1; in the language of criteria a boolean is not a number.
            return f"{value} == {_literal(operand)} and {value}.__class__ is not bool"
        instant = parse_instant(operand)
        if instant is not None:
            return f"({value} == {operand!r} or compares_instant({value}, {instant}, '=') is True)"
        return f"{value} == {_literal(operand)}"

    def _contained(self, value: str, operands: list[Any]) -> str:
        texts = [item for item in operands if item.__class__ is str and parse_instant(item) is None]
        others = [item for item in operands if item not in texts]
        tests = [f"({self._equal(value, item)})" for item in others]
        if texts:
            name = self._name("any_of", frozenset(texts), lambda: frozenset(texts))
            tests.insert(0, f"({value}.__class__ is str and {value} in {name})")
        return f"({' or '.join(tests)})" if tests else "False"

    def _ordered(self, value: str, operator: str, operand: Any) -> str:
        plain = f"{value} {operator} {_literal(operand)}"
        if operand.__class__ is str:
            instant = parse_instant(operand)
            if instant is None:
                return f"{value}.__class__ is str and {plain}"
            return (
                f"{value}.__class__ is str and ({plain} if (_as := compares_instant({value}, {instant}, "
                f"{operator!r})) is None else _as)"
            )
        if operand.__class__ is bool:
            return f"{value}.__class__ is bool and {plain}"
        return f"({value}.__class__ is int or {value}.__class__ is float) and {plain}"


def _literal(operand: Any) -> str:
    """An operand as Python source; the infinities, which JSON may name by 1e999, have no literal of their own."""
    if isinstance(operand, float) and not math.isfinite(operand):
        return f"float({str(operand)!r})"
    return repr(operand)
