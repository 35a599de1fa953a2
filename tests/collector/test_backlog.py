"""When the engine is too far behind, or the disk nearly full, trackers are told to come back; and when no more."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector_door import JSON, TP2, Door
from conftest import eventually
from snowmelt.collector.backlog import Backlog, BacklogWatch, Refusal
from snowmelt.collector.writer import Entry
from snowmelt.settings import CollectorSettings
from snowmelt.stores.event_log import EventLog, Kind

MB = 1024**2
PLENTY = 100 * MB, 90 * MB


class Scene:
    """A log, an engine that comes as far in it as a test says, and a disk of any size."""

    def __init__(self, folder: Path, most: int = 10 * MB, least_free: int = 0) -> None:
        self.log = EventLog(folder / "log", map_size=256 * MB)
        self.position, self.now, self.disk = 0, 0.0, PLENTY
        self.settings = CollectorSettings(max_lag_bytes=most, min_free_bytes=least_free)
        self.backlog = self.open()

    def open(self) -> Backlog:
        """What a web process knows that has just started."""
        return Backlog(self.log, lambda: self.position, self.settings, lambda: self.now, lambda path: self.disk)

    def add(self, count: int, kind: Kind = Kind.PAYLOAD, size: int = MB) -> None:
        self.log.append([(kind, 0, bytes(size))] * count)

    def refusal(self, seconds: float = 1.0) -> Refusal | None:
        """What is known some time later."""
        self.now += seconds
        self.backlog.look()
        return self.backlog.refusal


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.log.close()


def test_more_than_the_limit_is_refused_until_the_engine_has_done_a_good_part_of_it(scene: Scene) -> None:
    scene.add(10)
    assert scene.refusal() is None
    scene.add(1)
    refused = scene.refusal()
    assert refused is not None and "collector.max_lag_bytes" in refused.reason
    assert scene.backlog.waiting_bytes == 11 * MB
    scene.position = 3  # 8 MB wait: below the limit, but not by so much that it would not be reached at once
    assert scene.refusal() is not None
    scene.position = 4
    assert scene.refusal() is None
    assert scene.backlog.waiting_bytes == 7 * MB
    scene.add(3)
    assert scene.refusal() is None, "taken again, up to the limit"
    scene.position = 14
    assert scene.refusal() is None
    assert scene.backlog.waiting_bytes == 0


def test_small_records_are_counted_to_a_megabyte(scene: Scene) -> None:
    scene.add(4_000, size=1_000)
    scene.position = 1_500
    scene.refusal()
    assert 2_500_000 <= scene.backlog.waiting_bytes <= 2_500_000 + MB
    scene.position = 4_000
    scene.refusal()
    assert scene.backlog.waiting_bytes == 0


def test_imports_may_wait_as_long_as_they_like(scene: Scene) -> None:
    scene.add(100, Kind.EVENTS)
    scene.add(3)
    scene.add(2, Kind.OVERSIZE)
    scene.add(20, Kind.REPLAY)
    assert scene.refusal() is None
    assert scene.backlog.waiting_bytes == 5 * MB


def test_a_process_that_starts_counts_what_waits_already(scene: Scene) -> None:
    scene.add(20)
    scene.position = 5
    scene.backlog = scene.open()
    assert scene.refusal() is not None
    assert scene.backlog.waiting_bytes == 15 * MB


def test_a_look_at_a_long_log_ends_and_the_next_ones_go_on(scene: Scene) -> None:
    scene.add(5_000, size=100)
    ticking = scene.open()
    ticking._clock = lambda: setattr(scene, "now", scene.now + 0.015) or scene.now  # type: ignore[func-returns-value]
    seen = []
    while not seen or seen[-1] < 500_000:
        ticking.look()
        assert not seen or ticking.waiting_bytes > seen[-1], "it does not get on"
        seen.append(ticking.waiting_bytes)
    assert len(seen) > 1


def test_zero_is_no_limit(tmp_path: Path) -> None:
    scene = Scene(tmp_path, most=0, least_free=0)
    scene.add(100)
    scene.disk = 100 * MB, 0
    assert scene.refusal() is None
    scene.log.close()


def test_a_disk_that_is_nearly_full_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    scene = Scene(tmp_path, least_free=4 * MB)
    scene.disk = 1000 * MB, 5 * MB
    assert scene.refusal() is None
    scene.disk = 1000 * MB, 3 * MB
    refused = scene.refusal()
    assert refused is not None and "collector.min_free_bytes" in refused.reason
    scene.disk = 1000 * MB, 4 * MB + MB // 2
    assert scene.refusal() is not None
    scene.disk = 1000 * MB, 5 * MB
    assert scene.refusal() is None
    scene.disk = 20 * MB, MB + 1
    assert scene.refusal() is None, "a small disk cannot have so much room"
    scene.disk = 20 * MB, MB - 1
    assert scene.refusal() is not None
    scene.log.close()


def test_the_time_to_come_back_follows_the_engines_speed(scene: Scene) -> None:
    scene.add(30)
    unknown = scene.refusal()
    assert unknown is not None and unknown.retry_after == 30
    for _ in range(4):
        scene.position += 1
        slow = scene.refusal()
    # Some 18 MB until 7.5 MB are left, at 1 MB a second.
    assert slow is not None and 18 <= slow.retry_after <= 20
    scene.position += 10
    quick = scene.refusal()
    assert quick is not None and 1 <= quick.retry_after < 6
    stuck = [scene.refusal() for _ in range(10)][-1]
    assert stuck is not None and stuck.retry_after == 30


def test_trackers_are_told_when_to_come_back_before_their_body_is_read(
    make_door: Callable[..., Door], scene: Scene
) -> None:
    door = make_door()
    door.app.backlog = scene.backlog
    assert door("POST", TP2, [JSON], b"{}").status == 200
    scene.add(11)
    scene.refusal()

    async def unread() -> dict[str, str]:
        raise AssertionError("nobody needs the body")

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    head = {"type": "http", "method": "POST", "path": TP2, "query_string": b"", "client": None}
    door.run(door.app(head | {"headers": [(b"origin", b"https://a.example")]}, unread, send))  # type: ignore[arg-type]
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload]
    assert sent[0]["status"] == 503
    assert (headers[b"retry-after"], headers[b"access-control-allow-origin"]) == (b"30", b"https://a.example")
    assert door("GET", "/i?e=pv").status == 503
    assert door("GET", "/sink-health").status == 503
    assert door("OPTIONS", TP2).status == 200
    assert (door.app.accepted, door.app.refused) == (1, 2)
    scene.position = 11
    scene.refusal()
    assert door("POST", TP2, [JSON], b"{}").status == 200
    assert door("GET", "/sink-health").status == 200
    assert len(door.payloads()) == 2


def test_the_watch_looks_by_itself_and_survives_what_goes_wrong(scene: Scene) -> None:
    failures = [OSError("no such disk")]

    def position() -> int:
        if failures:
            raise failures.pop()
        return scene.position

    scene.backlog._position = position
    scene.add(11)
    watch = BacklogWatch(scene.backlog)
    try:
        eventually(lambda: scene.backlog.refusal is not None, "it has looked again")
    finally:
        watch.close()
    assert not watch._thread.is_alive()


def test_refusals_are_not_logged_one_by_one(make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door()

    def full(records: list[Entry]) -> int:
        raise OSError("no room")

    monkeypatch.setattr(door.log, "append", full)
    with capture_logs() as lines:
        for _ in range(50):
            assert door("POST", TP2, [JSON], b"{}").status == 503
    assert 1 <= [line["event"] for line in lines].count("payloads refused") < 10
