"""The benchmarks' events: the same every time, of the size and mixture that they claim."""

import json

from snowmelt.compute.plan import plan_group
from snowmelt.compute.program import Program
from snowmelt.compute.reader import GroupReader
from snowmelt.compute.state import encode
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.demo.workload import ACTION, PRODUCT, shop_events, shop_lines
from snowmelt.events import json as event_json


def test_equal_seeds_give_equal_events() -> None:
    assert shop_lines(50, 5, seed=3) == shop_lines(50, 5, seed=3) != shop_lines(50, 5, seed=4)


def test_lines_are_those_of_enriched_events() -> None:
    for line in shop_lines(50, 5):
        assert event_json.decode(line).keys() == json.loads(line).keys()


def test_size_and_mixture() -> None:
    lines = shop_lines(3_000, 50)
    assert 1_500 < sum(map(len, lines)) / len(lines) < 2_100
    kinds = [json.loads(line).get(ACTION, {}).get("type") for line in lines]
    assert 0.55 < kinds.count("product_view") / len(kinds) < 0.65
    assert 0.15 < kinds.count("add_to_cart") / len(kinds) < 0.25
    assert len({json.loads(line)["domain_userid"] for line in lines}) == 50


def test_the_tutorial_counts_them() -> None:
    events = list(shop_events(500, 1))
    program = Program([plan_group(tutorial_group(), state_id=1)])
    profiles = program.fresh_profiles()
    program.apply(shop_lines(500, 1), profiles, now=0)
    [profile] = profiles[1].values()
    reader = GroupReader(tutorial_group())
    values = dict(zip(reader.names, reader.read(encode(profile), 0), strict=True))
    carts = [event for event in events if event.get(ACTION) == {"type": "add_to_cart"}]
    assert values["count_add_to_cart"] == len(carts)
    cents = sum(round(event[PRODUCT][0]["price"] * 100) for event in carts)  # type: ignore[index]
    assert round(values["total_cart_value"] * 100) == cents
