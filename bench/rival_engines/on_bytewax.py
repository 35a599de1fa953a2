"""The tutorial's three attributes as a Bytewax flow, with or without its recovery store.

Written for speed: the source hands over records of 100 lines, one step decodes a record and drops what counts
nowhere, and the state of a user is one small tuple. Nothing leaves the flow before the end.

    python on_bytewax.py EVENTS FOLDER [recovery]
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main
from shop import NOTHING, Totals, decode_lines, report

LINES_PER_RECORD = 100
RECORDS_PER_BATCH = 3


def priced(record: bytes) -> list[tuple[str, float | None]]:
    """What counts of a record's events: the user, and the price of a cart or None for a view."""
    found: list[tuple[str, float | None]] = []
    for event in decode_lines(record):
        if event.action is not None:
            if event.action.type == "product_view":
                found.append((event.domain_userid, None))
            elif event.action.type == "add_to_cart":
                found.append((event.domain_userid, event.products[0].price))
    return found


class Shopper(op.StatefulBatchLogic[float | None, Totals, Totals]):
    """The state of one user."""

    __slots__ = ("totals",)

    def __init__(self, restored: Totals | None) -> None:
        self.totals = restored or NOTHING

    def on_batch(self, values: list[float | None]) -> tuple[Iterable[Totals], bool]:
        views, carts, value = self.totals
        for price in values:
            if price is None:
                views += 1
            else:
                carts += 1
                value += price
        self.totals = (views, carts, value)
        return (), False

    def on_eof(self) -> tuple[Iterable[Totals], bool]:
        return (self.totals,), False

    def snapshot(self) -> Totals:
        return self.totals


def work(records: list[bytes], store: Path | None) -> Callable[[], dict[str, Totals]]:
    """Run the flow over all records; a store keeps its state at the end of each epoch of 10 s, the default."""
    totals: list[tuple[str, Totals]] = []
    flow = Dataflow("shop")
    read = op.input("read", flow, TestingSource(records, batch_size=RECORDS_PER_BATCH))
    keyed = op.flat_map("decode", read, priced)
    counted = op.stateful_batch("count", keyed, Shopper)
    op.output("totals", counted, TestingSink(totals))
    run_main(flow, recovery_config=RecoveryConfig(store) if store else None)
    return lambda: dict(totals)


if __name__ == "__main__":
    folder = None
    if sys.argv[3:] == ["recovery"]:
        folder = Path(sys.argv[2]) / "recovery"
        folder.mkdir()
        init_db_dir(folder, 1)
    report(Path(sys.argv[1]), lambda records: work(records, folder), LINES_PER_RECORD)
