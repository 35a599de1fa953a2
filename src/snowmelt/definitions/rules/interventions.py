"""Rules for interventions, and for criteria over attributes wherever they stand."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.intervention import CriteriaNode, InterventionCriterion, RuleIntervention, children
from snowmelt.definitions.problems import Loc, Problem
from snowmelt.definitions.rules.comparisons import check_comparison

DEEPEST: Final = 8
MOST_PARTS: Final = 50


def check_intervention(
    intervention: RuleIntervention,
    known_groups: Iterable[AttributeGroup] = (),
    known_keys: Collection[str] | None = None,
) -> list[Problem]:
    """Every problem of an intervention.

    Args:
        intervention: the definition; if it is published, what it refers to must be published too.
        known_groups: the registered group versions.
        known_keys: names of the registered attribute keys; not judged if ``None``.

    >>> slip = InterventionCriterion(attribute="shop:views", operator="in", value=3)
    >>> check_intervention(RuleIntervention(name="hello", criteria=slip, owner="crm@example.com"))[0].loc
    ('criteria', 'value')
    """
    return list(_check(intervention, list(known_groups), known_keys))


def latest_with_attribute(groups: Iterable[AttributeGroup], attribute: str) -> AttributeGroup | None:
    """The published group version that ``group:attribute`` means: the latest that has the attribute.

    >>> latest_with_attribute([], "shop:views") is None
    True
    """
    group_name, _, name = attribute.partition(":")
    having = (
        group for group in groups if group.is_published and group.name == group_name and name in group.column_names()
    )
    return max(having, key=lambda group: group.version, default=None)


def check_criteria_tree(node: CriteriaNode) -> Iterator[Problem]:
    """What is wrong with criteria over attributes, by themselves."""
    yield from _check_node(node, (), depth=1, changed_allowed=True)


def _check_node(node: CriteriaNode, place: Loc, depth: int, changed_allowed: bool) -> Iterator[Problem]:
    if isinstance(node, InterventionCriterion):
        yield from (problem.under(*place) for problem in check_comparison(node.operator, node.value))
        if node.operator == "changed" and not changed_allowed:
            yield Problem(
                (*place, "operator"),
                "`changed` stands alone or inside `all`, nowhere else",
                "changed_misplaced",
            )
        return
    grouping, parts = children(node)
    if depth > DEEPEST:
        yield Problem((*place, grouping), f"criteria are nested {DEEPEST} deep at most", "too_deep")
        return
    if not 1 <= len(parts) <= MOST_PARTS:
        yield Problem(
            (*place, grouping),
            f"`{grouping}` joins 1 to {MOST_PARTS} criteria, not {len(parts)}",
            "too_long" if parts else "too_short",
        )
    for index, part in enumerate(parts):
        yield from _check_node(part, (*place, grouping, index), depth + 1, changed_allowed and grouping == "all")


def _check(
    intervention: RuleIntervention, known_groups: list[AttributeGroup], known_keys: Collection[str] | None
) -> Iterator[Problem]:
    if intervention.version < 1:
        yield Problem(("version",), "versions are counted from 1", "greater_than_equal")
    yield from (problem.under("criteria") for problem in check_criteria_tree(intervention.criteria))
    for index, target in enumerate(intervention.target_attribute_keys or ()):
        if known_keys is not None and target.name not in known_keys:
            yield Problem(
                ("target_attribute_keys", index),
                f"there is no attribute key `{target.name}`: register it first",
                "unknown_attribute_key",
            )
    if intervention.is_published:
        yield from check_criteria_attributes(intervention.criteria, ("criteria",), known_groups)
        yield from _check_payload(intervention, {(group.name, group.version): group for group in known_groups})


def check_criteria_attributes(node: CriteriaNode, place: Loc, groups: list[AttributeGroup]) -> Iterator[Problem]:
    """Which attributes in criteria no published group version has; ``place`` is where the criteria stand."""
    if isinstance(node, InterventionCriterion):
        if latest_with_attribute(groups, node.attribute) is None:
            yield Problem(
                (*place, "attribute"),
                f"no published attribute group has `{node.attribute}`: publish the group first, and write "
                "`group:attribute` without a version",
                "unknown_attribute",
            )
        return
    grouping, parts = children(node)
    for index, part in enumerate(parts):
        yield from check_criteria_attributes(part, (*place, grouping, index), groups)


def _check_payload(
    intervention: RuleIntervention, groups: Mapping[tuple[str, int], AttributeGroup]
) -> Iterator[Problem]:
    for index, link in enumerate(intervention.payload_attribute_groups or ()):
        group = groups.get((link.name, link.version))
        if group is None or not group.is_published:
            yield Problem(
                ("payload_attribute_groups", index),
                f"version {link.version} of attribute group `{link.name}` is not published: publish it first",
                "unknown_group" if group is None else "unpublished_group",
            )
