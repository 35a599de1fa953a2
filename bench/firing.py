"""What interventions cost the engine: the tutorial's three, published beside its group, and without them.

Runs with and without them take turns. In the first pair of rows users are new, so that most of what can fire does; in
the second one nearly everybody has had everything, as it is most of the time.
"""

import gc
from pathlib import Path

import msgspec

from bench.engine import through_engine
from bench.row import Row, rate_row, spread
from snowmelt.definitions import InterventionCriterion, LinkAttributeKey, RuleIntervention
from snowmelt.demo.tutorial import NAME, OWNER, tutorial_group
from snowmelt.demo.workload import shop_events, shop_lines
from snowmelt.runtimes.statistics import Statistics
from snowmelt.stores.profiles import ProfileReader

EVENTS, USERS, KNOWN_USERS, RUNS = 200_000, 50_000, 5_000, 3


def run(folder: Path) -> list[Row]:
    """All rows, from a folder for the stores."""
    new = shop_lines(EVENTS, USERS)
    known = shop_lines(EVENTS, KNOWN_USERS)
    gc.disable()  # as in the engine's process
    try:
        return [
            *compared(folder, "new users", new, []),
            *compared(folder, "users who have had them", known, seen_before()),
        ]
    finally:
        gc.enable()


def compared(folder: Path, who: str, lines: list[bytes], before: list[bytes]) -> list[Row]:
    """Rows without and with the interventions, for some events after others."""
    without, beside, fired = [], [], 0

    def count(stored: ProfileReader) -> None:
        nonlocal fired
        fired = Statistics.decode(stored.statistics()).firings

    for _ in range(RUNS):
        without.append(through_engine(folder, lines, [tutorial_group()], before=before))
        beside.append(through_engine(folder, lines, [tutorial_group()], count, tutorial_rules(), before))
    share = spread(beside)[1] / spread(without)[1] * 100
    when = "before the clock starts" if before else "meanwhile"
    return [
        rate_row(f"no intervention, {who}", spread(without), "events"),
        rate_row(
            f"the tutorial's three interventions, {who}",
            spread(beside),
            "events",
            f"{share:.0f} % of the row above; {fired:,} have fired, {when}",
        ),
    ]


def seen_before() -> list[bytes]:
    """As many events of the users who are known, with ids of their own."""
    encode = msgspec.json.Encoder().encode
    return [encode(event | {"event_id": f"{event['event_id']}-before"}) for event in shop_events(EVENTS, KNOWN_USERS)]


def tutorial_rules() -> list[RuleIntervention]:
    """The tutorial's interventions: for whoever looks at much, fills a cart, or a large one."""
    targets = [LinkAttributeKey(name="user_id"), LinkAttributeKey(name="domain_userid")]
    return [
        RuleIntervention(
            name=name,
            criteria=InterventionCriterion(attribute=f"{NAME}:{attribute}", operator=">", value=bound),
            target_attribute_keys=targets,
            owner=OWNER,
            is_published=True,
        )
        for name, attribute, bound in (
            ("discount", "count_product_views", 3),
            ("cart_abandonment", "count_add_to_cart", 0),
            ("free_shipping", "total_cart_value", 100),
        )
    ]
