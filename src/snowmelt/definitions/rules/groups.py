"""Rules for attribute groups."""

from collections.abc import Iterator
from datetime import datetime

from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.rules.attributes import check_attribute
from snowmelt.definitions.rules.durations import check_positive
from snowmelt.definitions.rules.keys import check_key_members


def check_group(group: AttributeGroup, *, now: datetime | None = None) -> list[Problem]:
    """Every problem of an attribute group of any kind; a draft may still lack its attributes.

    Whether the group's key is registered, or says itself what identifies a profile, is not judged here.

    Args:
        group: the definition; ``is_published`` says whether it must be complete.
        now: if given, a backfill must not start later.

    >>> from snowmelt.definitions import Attribute, user_id
    >>> total = Attribute(name="total", type="double", aggregation="sum")
    >>> [str(problem) for problem in check_group(
    ...     AttributeGroup(name="shop", attribute_key=user_id, attributes=[total], owner="data@example.com")
    ... )]
    ['attributes.0.property: `sum` needs a numeric property']
    """
    return list(_check(group, now))


def _check(group: AttributeGroup, now: datetime | None) -> Iterator[Problem]:
    if group.version < 1:
        yield Problem(("version",), "versions are counted from 1", "greater_than_equal")
    yield from (problem.under("attribute_key") for problem in check_key_members(group.attribute_key))
    for index, attribute in enumerate(group.attributes or ()):
        yield from (problem.under("attributes", index) for problem in check_attribute(attribute))
    yield from _check_names(group)
    yield from _check_kind(group)
    yield from check_positive("ttl", group.ttl)
    yield from check_positive("refresh_rate", group.refresh_rate)
    if now is not None and group.backfill_since_tstamp is not None and group.backfill_since_tstamp > now:
        yield Problem(("backfill_since_tstamp",), "a backfill starts in the past", "in_future")


def _check_names(group: AttributeGroup) -> Iterator[Problem]:
    seen = {group.attribute_key.name: "the group's attribute key has"}
    columns = [
        *((("attributes", index), attribute.name) for index, attribute in enumerate(group.attributes or ())),
        *((("fields", index), field.name) for index, field in enumerate(group.fields or ())),
    ]
    for place, name in columns:
        if name in seen:
            yield Problem((*place, "name"), f"{seen[name]} this name already: `{name}`", "duplicate_name")
        else:
            seen[name] = f"{place[0]}.{place[1]} has"


def _check_kind(group: AttributeGroup) -> Iterator[Problem]:
    if group.kind == "stream":
        if group.fields:
            yield Problem(("fields",), "only external batch groups have fields; those are `offline`", "member_of_kind")
        if group.batch_source is not None:
            yield Problem(
                ("batch_source",),
                "a stream group has no `batch_source`; batch groups are `offline`",
                "member_of_kind",
            )
    elif group.kind == "external":
        if group.attributes:
            yield Problem(
                ("attributes",),
                "a group has either attributes or fields: make two groups of it",
                "member_of_kind",
            )
        if group.batch_source is None:
            yield Problem(("batch_source",), "an external batch group needs the table of its fields", "missing")
    if group.is_published and not group.attributes and not group.fields:
        needed = "attributes, or fields and their table" if group.offline else "attributes"
        yield Problem(("attributes",), f"a group needs {needed} before it can be published", "missing")
