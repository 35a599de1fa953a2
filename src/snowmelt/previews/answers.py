"""What previews answer: rows of attributes, and whom an intervention would have reached."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from snowmelt.compute.plan import GroupPlan
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.reader import column
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.interventions.criteria import compile_criteria

SAMPLE = 10
"""Key values that are shown where nobody has named any, and of those that match."""


def group_rows(
    plan: GroupPlan, profiles: Profiles, now: int, key_ids: Sequence[str], rng: random.Random
) -> list[dict[str, Any]]:
    """One row for each key value: first the key, then each attribute.

    Args:
        plan: the group.
        profiles: of the group.
        now: ms since the epoch.
        key_ids: whose rows, in this order; those without events have none. A random sample if there are none.
        rng: draws the sample.
    """
    chosen = [one for one in dict.fromkeys(key_ids) if one in profiles] if key_ids else _sample(list(profiles), rng)
    columns = [(attribute.name, column(attribute)) for attribute in plan.attributes]
    key = plan.group.attribute_key.name
    return [{key: one} | {name: how.read(profiles[one], now) for name, how in columns} for one in chosen]


def matches(
    intervention: RuleIntervention,
    plans: Mapping[str, GroupPlan],
    profiles: Mapping[int, Profiles],
    now: int,
    rng: random.Random,
) -> dict[str, Any]:
    """How many key values with events there are, how many of them meet the criteria now, and some of those.

    Args:
        intervention: whose criteria; ``changed`` counts as met.
        plans: the group that each attribute of the criteria means; all have one key.
        profiles: by state id.
        now: ms since the epoch.
        rng: draws the sample.
    """
    criteria = compile_criteria(intervention.criteria)
    reads = []
    for name in criteria.attributes:
        plan = plans[name]
        (attribute,) = (one for one in plan.attributes if one.name == name.partition(":")[2])
        reads.append((profiles[plan.state_id], column(attribute)))
    scanned = list(dict.fromkeys(key for one in {id(one): one for one, _ in reads}.values() for key in one))
    met = [key for key in scanned if criteria.holds([how.read(group.get(key), now) for group, how in reads])]
    name = next(iter(plans.values())).group.attribute_key.name
    return {"scanned_count": len(scanned), "matched_count": len(met), "matches": {name: _sample(met, rng)}}


def _sample(values: list[str], rng: random.Random) -> list[str]:
    return values if len(values) <= SAMPLE else rng.sample(values, SAMPLE)
