"""The outbox: kept for as long as a subscriber may come back, in order, each delivery once."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from another_process import AnotherProcess, append_to_outbox, read_outbox
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.outbox import Delivery, Outbox, place_at

NOW, KEEP = 1_767_225_600_000, 300_000
ANN, BOB = ("domain_userid", "ann"), ("domain_userid", "bob")
SESSION = ("domain_sessionid", "ann")


class Clock:
    def __init__(self) -> None:
        self.ms = NOW

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_outbox(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Outbox]]:
    opened: list[Outbox] = []

    def make(**options: Any) -> Outbox:
        usual = {"map_size": 2**24, "keep_ms": KEEP, "clock": clock}
        opened.append(Outbox(tmp_path / f"outbox-{len(opened)}", **usual | options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def outbox(open_outbox: Callable[..., Outbox]) -> Outbox:
    return open_outbox()


def delivery(*targets: tuple[str, str], payload: bytes = b"{}") -> Delivery:
    return Delivery(uuid4(), targets or (ANN,), payload)


def ids(deliveries: list[Delivery]) -> list[UUID]:
    return [one.id for one in deliveries]


def test_what_is_appended_is_read_in_order_with_everything_it_had(outbox: Outbox) -> None:
    sent = [delivery(ANN, SESSION, payload=b"%d" % number) for number in range(5)]
    assert outbox.head() == 0 and outbox.read(0) == []
    last = outbox.append(sent)
    read = outbox.read(0)
    assert [one._replace(place=0) for one in read] == sent
    assert read[-1].place == last == outbox.head()
    assert outbox.read(read[1].place) == read[2:]
    assert outbox.read(0, limit=2) == read[:2]


def test_a_target_gets_its_own_and_a_stream_of_two_gets_each_once(outbox: Outbox) -> None:
    sent = [delivery(ANN), delivery(BOB), delivery(ANN, SESSION), delivery(SESSION), delivery(BOB, ANN)]
    outbox.append(sent)
    assert ids(outbox.since(0, [ANN])) == ids([sent[0], sent[2], sent[4]])
    assert ids(outbox.since(0, [SESSION, ANN])) == ids([sent[0], sent[2], sent[3], sent[4]])
    assert outbox.since(0, [("domain_useridann", "")]) == []
    assert outbox.since(outbox.head(), [ANN, BOB]) == []


@given(
    rows=st.lists(st.sets(st.integers(0, 4), min_size=1), max_size=30),
    wanted=st.sets(st.integers(0, 4)),
    page=st.integers(1, 7),
)
def test_pages_give_every_delivery_of_some_targets_once(
    rows: list[set[int]], wanted: set[int], page: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("pages"), map_size=2**22)
    sent = [delivery(*(("k", str(number)) for number in sorted(row))) for row in rows]
    for one in sent:
        outbox.append([one])
    after, found = 0, []
    while got := outbox.since(after, [("k", str(number)) for number in wanted], page):
        assert len(got) <= page
        found += ids(got)
        after = got[-1].place
    outbox.close()
    assert found == [one.id for one, row in zip(sent, rows, strict=True) if row & wanted]


def test_an_id_that_is_kept_is_not_kept_twice(outbox: Outbox) -> None:
    """The engine repeats what it did before it died."""
    first, second = delivery(), delivery()
    outbox.append([first])
    outbox.append([first._replace(payload=b"again"), second, second])
    assert ids(outbox.read(0)) == [first.id, second.id]
    assert outbox.read(0)[0].payload == b"{}"


def test_places_say_when_and_never_go_back(outbox: Outbox, clock: Clock) -> None:
    outbox.append([delivery(), delivery()])
    assert [one.place for one in outbox.read(0)] == [place_at(NOW), place_at(NOW) + 1]
    clock.ms -= 60_000
    assert outbox.append([delivery()]) == place_at(NOW) + 2
    clock.ms = NOW + 5
    assert outbox.append([delivery()]) == place_at(NOW + 5)


def test_what_is_too_old_is_dropped_with_all_that_belongs_to_it(outbox: Outbox, clock: Clock) -> None:
    old = [delivery(ANN, SESSION) for _ in range(2_500)]  # more than one transaction takes
    outbox.append(old)
    clock.ms += KEEP // 2
    middle = delivery(ANN)
    outbox.append([middle])
    clock.ms += KEEP // 2
    outbox.append([delivery(BOB)])
    assert len(outbox.read(0, 5_000)) == 2_502, "kept for five minutes"
    clock.ms += KEEP // 5
    outbox.append([new := delivery(ANN)])
    assert ids(outbox.read(0))[0] == middle.id
    assert ids(outbox.since(0, [ANN, SESSION], 5_000)) == [middle.id, new.id]
    with outbox._env.begin() as txn:
        assert txn.stat()["entries"] == 3 * 3
    outbox.append([old[0]])
    assert ids(outbox.since(0, [SESSION])) == [old[0].id], "its id is forgotten too"


def test_the_last_one_stays_so_that_places_never_go_back(outbox: Outbox, clock: Clock) -> None:
    clock.ms += 10 * KEEP
    outbox.append([delivery()])
    clock.ms += KEEP * 2
    outbox.append([])
    clock.ms -= 10 * KEEP
    assert outbox.append([delivery()]) == outbox.read(0)[0].place + 1


def test_a_full_outbox_says_so_and_has_room_again(open_outbox: Callable[..., Outbox], clock: Clock) -> None:
    outbox = open_outbox(map_size=2**20)
    with pytest.raises(StoreFullError, match=r"raise interventions\.map_size"):
        for _ in range(1_000):
            outbox.append([delivery(payload=b"x" * 10_000)])
    kept = len(outbox.read(0, 1_000))
    assert kept > 50
    for _ in range(3):  # and again and again
        clock.ms += KEEP * 2
        for _ in range(kept // 2):
            outbox.append([delivery(payload=b"x" * 10_000)])


def test_other_processes_read_and_write(
    outbox: Outbox, open_outbox: Callable[..., Outbox], another_process: AnotherProcess
) -> None:
    mine, theirs = delivery(ANN), delivery(ANN, BOB)
    outbox.append([mine])
    assert ids(another_process(read_outbox, outbox.path)) == [mine.id]
    place = another_process(append_to_outbox, outbox.path, [theirs])
    assert outbox.head() == place
    assert ids(outbox.since(0, [ANN])) == [mine.id, theirs.id]


def test_how_far_back_one_can_come(outbox: Outbox) -> None:
    assert outbox.oldest_kept() == place_at(NOW - KEEP)


def test_a_jump_of_the_clock_drops_nothing_for_which_somebody_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, real = 0, time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + ahead * 10**9)
    outbox = Outbox(tmp_path / "outbox", map_size=2**24, keep_ms=KEEP)
    first = delivery()
    place = outbox.append([first])
    ahead = 3_600
    outbox.append([delivery()])
    assert outbox.oldest_kept() < place
    assert outbox.read(0)[0].id == first.id
    ahead = 0
    assert outbox.append([delivery()]) > place
    assert len(outbox.read(0)) == 3
    outbox.close()
