"""What the programs that are compared with share: the events, a plain count of them, and the report."""

import gc
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

Totals: TypeAlias = tuple[int, int, float]
"""Product views, carts, and what was put into them."""

NOTHING: Totals = (0, 0, 0.0)


class _Action(msgspec.Struct, gc=False):
    type: str


class _Product(msgspec.Struct, gc=False):
    price: float


class Event(msgspec.Struct, gc=False):
    """What the three attributes need of an enriched event; the decoder passes over everything else."""

    domain_userid: str
    action: _Action | None = msgspec.field(
        default=None, name="unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
    )
    products: list[_Product] = msgspec.field(
        default=[], name="contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
    )


_decoder = msgspec.json.Decoder(Event)
decode, decode_lines = _decoder.decode, _decoder.decode_lines


Work: TypeAlias = Callable[[list[bytes]], Callable[[], Mapping[str, Totals]]]
"""Gets records of one or more lines, and gives what reads the totals of each user once all are counted."""


def report(path: Path, work: Work, lines_per_record: int = 1) -> None:
    """Time work on a file of events, compare what came of it with a plain count, and print the rate as JSON.

    Args:
        path: enriched events, one a line.
        work: what is timed; reading its totals is not.
        lines_per_record: how many lines stand together in what it gets.
    """
    lines = path.read_bytes().splitlines()
    records = [b"\n".join(lines[at : at + lines_per_record]) for at in range(0, len(lines), lines_per_record)]
    gc.disable()  # as in Snowmelt's engine
    started = time.perf_counter()
    read = work(records)
    seconds = time.perf_counter() - started
    totals, expected = dict(read()), plain_count(lines)
    assert totals == expected, f"{len(totals)} users' totals are not those of a plain count ({len(expected)})"
    print(json.dumps({"rate": len(lines) / seconds}))


def plain_count(lines: list[bytes]) -> dict[str, Totals]:
    """The totals of each user, without any library that is measured."""
    totals: dict[str, Totals] = defaultdict(lambda: NOTHING)
    for line in lines:
        event = decode(line)
        if event.action is not None:
            views, carts, value = totals[event.domain_userid]
            if event.action.type == "product_view":
                totals[event.domain_userid] = (views + 1, carts, value)
            elif event.action.type == "add_to_cart":
                totals[event.domain_userid] = (views, carts + 1, value + event.products[0].price)
    return dict(totals)
