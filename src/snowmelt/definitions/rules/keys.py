"""Rules for attribute keys."""

import re
from collections.abc import Iterator

from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.definitions.names import LONGEST_NAME
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules.durations import check_positive
from snowmelt.definitions.rules.properties import check_property, is_every, kind_of

_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_key(key: AttributeKey) -> list[Problem]:
    """Every problem of an attribute key that is to be registered.

    >>> check_key(AttributeKey(name="basket"))[0].type
    'unresolved_key'
    """
    problems = list(check_key_members(key))
    if key.key_property() is None and key.external_column is None:
        problems.append(
            Problem(
                ("property",),
                f"nothing says what identifies a `{key.name}`: give the key a `property`, an "
                "`external_column`, or a `key` or name that is an atomic field",
                "unresolved_key",
            )
        )
    return problems


def check_key_members(key: AttributeKey) -> Iterator[Problem]:
    """What is wrong with a key, even one that only refers to a registered key by its name."""
    # Names that were derived from a column or path have not met the pattern yet.
    if not _NAME.fullmatch(key.name) or len(key.name) > LONGEST_NAME:
        yield Problem(
            ("name",),
            f"`{key.name}` is no name, which has letters, digits and underscores, {LONGEST_NAME} at most: "
            "give the key a `name` of its own",
            "string_pattern_mismatch",
        )
    if key.property is not None:
        if key.property.date_part is not None:
            yield Problem(
                ("property", "date_part"), "a key is a whole value: leave out `date_part`", "date_part_of_key"
            )
        elif kind_of(key.property) == "json":
            yield Problem(("property",), "a key is text, a number or a boolean, not a list or object", "property_kind")
        elif is_every(key.property):
            yield Problem(("property", "index"), "a key is one value: give a number", "every_entity")
        else:
            yield from (problem.under("property") for problem in check_property(key.property))
    yield from check_positive("ttl", key.ttl)
