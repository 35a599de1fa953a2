"""Rules for services."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.problems import Problem
from snowmelt.definitions.service import Service


def check_service(service: Service, known_groups: Mapping[tuple[str, int], bool]) -> list[Problem]:
    """Every problem of a service.

    Args:
        service: the definition; if it is published, so must be its groups.
        known_groups: name and version of each registered group version, and whether it is published.

    >>> service = Service(name="shop", attribute_groups=[{"name": "carts", "version": 2}], owner="a@b.com")
    >>> [str(problem) for problem in check_service(service, {("carts", 1): True})]
    ['attribute_groups.0: there is no version 2 of attribute group `carts`; there is 1']
    """
    return list(_check(service, known_groups))


def _check(service: Service, known_groups: Mapping[tuple[str, int], bool]) -> Iterator[Problem]:
    if not service.attribute_groups:
        yield Problem(("attribute_groups",), "a service needs a group", "too_short")
    seen: dict[str, int] = {}
    for index, link in enumerate(service.attribute_groups):
        place = ("attribute_groups", index)
        if link.name in seen:
            yield Problem(
                place,
                f"`{link.name}` is here already, in version {seen[link.name]}: keep one",
                "duplicate_group",
            )
            continue
        seen[link.name] = link.version
        is_published = known_groups.get((link.name, link.version))
        if is_published is None:
            yield Problem(place, _missing(link.name, link.version, known_groups), "unknown_group")
        elif service.is_published and not is_published:
            yield Problem(
                place,
                f"version {link.version} of attribute group `{link.name}` is not published: publish it first",
                "unpublished_group",
            )


def _missing(name: str, version: int, known_groups: Mapping[tuple[str, int], bool]) -> str:
    versions = sorted(known for group, known in known_groups if group == name)
    if not versions:
        return f"there is no attribute group `{name}`: register it first"
    listed = ", ".join(map(str, versions))
    return f"there is no version {version} of attribute group `{name}`; there is {listed}"


def colliding_names(groups: Iterable[AttributeGroup]) -> dict[str, list[str]]:
    """Attribute names that several groups of one service have, each with the qualified names of those groups.

    Under such a name a reader gets the value of the first group. Worth a warning, not an error.
    """
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for group in groups:
        for name in group.column_names():
            owners[name].append(group.qualified_name)
    return {name: titles for name, titles in owners.items() if len(titles) > 1}
