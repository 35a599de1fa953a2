"""What criteria over attributes mean at the moment: names without versions, held against what is published."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.rules import latest_with_attribute
from snowmelt.stores.registry.codec import group_from_json
from snowmelt.stores.registry.tables import attribute_groups


def group_names(attributes: Iterable[str]) -> set[str]:
    """The groups that ``group:attribute`` names speak of.

    >>> group_names(["shop:views", "shop:spent"])
    {'shop'}
    """
    return {attribute.partition(":")[0] for attribute in attributes}


def published_groups(connection: Connection, names: Iterable[str]) -> list[AttributeGroup]:
    """The published versions of some groups."""
    groups = attribute_groups
    rows = connection.execute(
        select(groups.c.definition)
        .where(groups.c.is_published.is_(True), groups.c.name.in_(set(names)))
        .order_by(groups.c.name, groups.c.version)
    )
    return [group_from_json(definition) for (definition,) in rows]


def sources(attributes: Iterable[str], groups: Iterable[AttributeGroup]) -> dict[str, AttributeGroup]:
    """The group version that each ``group:attribute`` name means; names that mean nothing are left out."""
    published = list(groups)
    found = {attribute: latest_with_attribute(published, attribute) for attribute in attributes}
    return {attribute: group for attribute, group in found.items() if group is not None}


def looks_at(group: AttributeGroup, attributes: Iterable[str], versions: Iterable[AttributeGroup]) -> bool:
    """Whether some of the names mean this very version of a group.

    Args:
        group: the version.
        attributes: names, also of other groups.
        versions: the published versions of this group.
    """
    return any(
        (meant.name, meant.version) == (group.name, group.version) for meant in sources(attributes, versions).values()
    )
