"""The small parts of the runtime: counts, locks, the data folder, metrics, the doors of a web process."""

import asyncio
import multiprocessing
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from another_process import hold_lock
from collector_door import TP2, request
from conftest import eventually
from snowmelt.collector.backlog import Refusal
from snowmelt.compute.program import Tally
from snowmelt.runtimes import engine_process
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.engine_process import CheckpointTimer
from snowmelt.runtimes.metrics import ServerMetrics
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.runtimes.publishing import announce
from snowmelt.runtimes.readiness import Readiness
from snowmelt.runtimes.statistics import Statistics
from snowmelt.runtimes.web import Doors
from snowmelt.settings import ReadySettings, Settings
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.profiles import ProfileStore

MB = 1024**2


# Statistics


@given(
    st.builds(
        Statistics,
        payloads=st.integers(0, 2**60),
        failed=st.dictionaries(st.text(), st.integers(0, 9)),
        rejected=st.dictionaries(st.text(), st.integers(0, 9)),
        revision=st.integers(0, 2**40),
    )
)
def test_statistics_come_back(statistics: Statistics) -> None:
    assert Statistics.decode(statistics.encode()) == statistics


def test_statistics_of_other_releases_can_be_read() -> None:
    assert Statistics.decode(None) == Statistics()
    assert Statistics.decode(b"{}") == Statistics()
    assert Statistics.decode(b'{"events": 5, "of a newer release": {"x": 1}}') == Statistics(events=5)


def test_statistics_add_up() -> None:
    statistics = Statistics()
    statistics.add(Tally(events=5, unreadable=2, rejected=Counter({(3, 1): 2}), errors=["x"]))
    statistics.add(Tally(events=1, rejected=Counter({(3, 1): 1, (4, 2): 1})))
    statistics.add_failed(Counter({"a": 2}))
    statistics.add_failed(Counter({"a": 1, "b": 1}))
    assert statistics == Statistics(
        events=4, unreadable=2, rejected={"3:1": 3, "4:2": 1}, errors=1, failed={"a": 3, "b": 1}
    )


# Locks


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """A process that holds the lock ``lock``; called, it makes it die and gives its process id."""
    context = multiprocessing.get_context("spawn")
    held, let_go = context.Event(), context.Event()
    process = context.Process(target=hold_lock, args=(tmp_path / "lock", held, let_go))
    process.start()
    eventually(lambda: held.is_set() or not process.is_alive(), "the lock is held")
    assert process.is_alive()

    def end() -> int:
        let_go.set()
        process.join(30)
        assert process.pid is not None
        return process.pid

    yield end
    end()


def test_a_lock_is_held_by_one_process_until_it_dies(tmp_path: Path, holder: Callable[[], int]) -> None:
    lock = ProcessLock(tmp_path / "lock", "engine")
    assert lock.held()
    with pytest.raises(StoreError, match=r"another engine \(process \d+\) uses .*--data-dir") as caught:
        lock.acquire(timeout=0.05)
    pid = holder()
    assert f"process {pid})" in str(caught.value)
    assert not lock.held()
    lock.acquire(timeout=0)
    assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_who_waits_gets_the_lock_when_it_is_let_go(tmp_path: Path, holder: Callable[[], int]) -> None:
    lock = ProcessLock(tmp_path / "lock", "engine")
    thread = threading.Thread(target=lock.acquire, args=(30,))
    thread.start()
    holder()
    thread.join(30)
    assert not thread.is_alive()
    assert lock.held()


def test_asking_does_not_take_the_lock_or_lose_it(tmp_path: Path) -> None:
    first, second = ProcessLock(tmp_path / "lock", "engine"), ProcessLock(tmp_path / "lock", "engine")
    assert not first.held() and not second.held()
    first.acquire(timeout=0)
    assert first.held() and second.held() and first.held()
    with pytest.raises(StoreError):
        second.acquire(timeout=0)
    first.release()
    assert not first.held() and not second.held()
    second.acquire(timeout=0)


# The data folder


def test_the_data_folder_is_private(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "new" / "data")
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    assert DataDir(data.path).path == data.path


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file cannot be made"):
        DataDir(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be made"):
        DataDir(tmp_path / "file" / "below")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(StoreError, match="is not writable"):
        DataDir(tmp_path)


def test_the_token_is_made_once_private_and_kept(tmp_path: Path) -> None:
    data, settings = DataDir(tmp_path), Settings()
    token = data.sandbox_token(settings)
    assert len(token) >= 43
    assert DataDir(tmp_path).sandbox_token(settings) == token
    (path,) = tmp_path.iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("sandbox.token", 0o600)
    assert DataDir(tmp_path / "other").sandbox_token(settings) != token


def test_a_token_that_is_set_is_not_written(tmp_path: Path) -> None:
    assert DataDir(tmp_path).sandbox_token(Settings(sandbox_token="mine")) == "mine"
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_make_a_token_one_wins(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    tokens: list[str] = []
    threads = [threading.Thread(target=lambda: tokens.append(data.sandbox_token(Settings()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8 and len(set(tokens)) == 1


def test_the_signing_secret_is_made_once_private_and_no_token(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    secret = data.signing_secret()
    assert len(secret) >= 43
    assert DataDir(tmp_path).signing_secret() == secret
    path = tmp_path / "signing.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret.decode() != data.sandbox_token(Settings())
    path.write_text("too short\n")
    with pytest.raises(StoreError, match="less than 32 bytes: remove the file"):
        DataDir(tmp_path).signing_secret()


def test_an_emptied_token_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "sandbox.token").write_text("\n")
    with pytest.raises(StoreError, match="is empty"):
        DataDir(tmp_path).sandbox_token(Settings())


# Publishing


def test_definitions_are_put_into_the_log_and_the_engine_is_woken(tmp_path: Path) -> None:
    log, bell = EventLog(tmp_path / "log"), Bell(tmp_path / "bell")
    announce(log, bell, b"snapshot")
    (record,) = log.read(0)
    assert (record.kind, record.body) == (Kind.DEFINITIONS, b"snapshot")
    reading, writing = os.pipe()
    os.write(writing, b"x")
    os.close(writing)
    assert bell.wait(20) == [], "the ring was kept"
    os.close(reading)
    log.close()
    bell.close()


# Checkpoints


class FakeCheckpoints:
    """Counts; fails as long as it is told to."""

    def __init__(self) -> None:
        self.taken = 0
        self.broken = True

    def take(self, store: Any) -> int:
        self.taken += 1
        if self.broken:
            raise OSError("no room")
        return int(store.position)


class FakeStore:
    position = 5


class FakeLog:
    def __init__(self) -> None:
        self.trimmed: list[tuple[int, int]] = []

    def trim(self, through: int, older_than: int) -> int:
        self.trimmed.append((through, older_than))
        return 0


def test_checkpoints_are_taken_when_there_is_news_and_the_log_is_trimmed_behind_them() -> None:
    checkpoints, store, log = FakeCheckpoints(), FakeStore(), FakeLog()
    settings = Settings.model_validate({"engine": {"checkpoint_minutes": 1e-5}, "log": {"retention_hours": 1}})
    timer = CheckpointTimer(checkpoints, store, log, settings)  # type: ignore[arg-type]
    store.position = 8
    eventually(lambda: checkpoints.taken > 2, "a failed checkpoint is tried again")
    assert log.trimmed == [], "nothing may be dropped that no checkpoint covers"
    before = int((engine_process.time.time() - 3_600) * 1_000)
    checkpoints.broken = False
    eventually(lambda: log.trimmed, "the log is trimmed")
    taken = checkpoints.taken
    store.position = 9
    eventually(lambda: len(log.trimmed) == 2, "the next checkpoint")
    timer.stop()
    assert [through for through, _ in log.trimmed] == [8, 9]
    assert all(before - 1_000 <= older_than <= before + 60_000 for _, older_than in log.trimmed)
    assert checkpoints.taken == taken + 1, "without news there is no checkpoint"


# Metrics and doors


class FakeCollector:
    accepted, refused, untracked = 3, 1, 2
    backlog: Any = None
    calls: list[str]

    def __init__(self) -> None:
        self.calls = []

    def handles(self, method: str, path: str) -> bool:
        return path == TP2

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls.append(f"{scope['method']} {scope['path']}")
        await _answer(send, b"collector")


async def _answer(send: Any, body: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Reading:
    """The store as its readers see it, without another process."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store

    def position(self) -> int:
        return self._store.position

    def statistics(self) -> bytes | None:
        return self._store.statistics

    def definitions(self) -> bytes | None:
        return self._store.definitions


DEFINITIONS = msgspec.json.encode(
    {
        "revision": 6,
        "groups": [
            {
                "state_id": 3,
                "published": True,
                "group": {"name": "g", "version": 2, "attributes": [{"name": "a"}, {"name": "b"}]},
            },
            {"state_id": 4, "published": False, "group": {"name": "frozen", "version": 1, "attributes": []}},
        ],
        "event_logs": [{"state_id": 5, "published": True, "event_log": {"name": "steps"}}],
    }
)


class FakeHub:
    """A hub with some streams."""

    delivered, cut = 12, 1

    def __len__(self) -> int:
        return 5


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[ServerMetrics]:
    log, store = EventLog(tmp_path / "log"), ProfileStore(tmp_path / "profiles")
    log.append([(Kind.EVENTS, place * 100, b"x") for place in range(1, 8)])
    counts = Statistics(
        payloads=2,
        events=9,
        failed={"b": 1, "a": 2},
        rejected={"3:2": 4, "99:1": 1},
        revision=6,
        updated=1_500,
        commits=3,
        commit_ms=250,
        held_since=3_000,
        replays={"good": 6},
        unresolved={"missing": 7},
        schema_lookups={"a:b:found": 8},
        updates={"3": 1_400},
        repeated=4,
        seen=8,
        seen_since=500,
    )
    with store.commit() as commit:
        commit.position, commit.statistics, commit.definitions = 5, counts.encode(), DEFINITIONS
    reading, sizes, now = Reading(store), lambda: {"log": 8_192, "profiles": 4_096}, lambda: 2_600
    collector = FakeCollector()
    collector.backlog = SimpleNamespace(waiting_bytes=70, free_bytes=80, refusal=Refusal("too far behind", 9))
    yield ServerMetrics(log, reading, collector, FakeHub(), sizes, list, now)  # type: ignore[arg-type]
    log.close()
    store.close()


def test_metrics_are_prometheus_text(metrics: ServerMetrics) -> None:
    lines = metrics.text().decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert {name: float(value) for name, value in values.items()} == {
        "snowmelt_engine_payloads_total": 2,
        "snowmelt_engine_events_total": 9,
        "snowmelt_engine_repeated_events_total": 4,
        "snowmelt_engine_swept_profiles_total": 0,
        "snowmelt_engine_unreadable_lines_total": 0,
        "snowmelt_engine_refused_keys_total": 0,
        "snowmelt_engine_event_errors_total": 0,
        'snowmelt_failed_events_total{category="a"}': 2,
        'snowmelt_failed_events_total{category="b"}': 1,
        "snowmelt_engine_commits_total": 3,
        "snowmelt_engine_commit_seconds_total": 0.25,
        "snowmelt_engine_lag_seconds": 2,
        'snowmelt_rejected_values_total{attribute="b",group="g",version="2"}': 4,
        'snowmelt_group_updated_time_seconds{group="g",version="2"}': 1.4,
        'snowmelt_group_updated_time_seconds{group="steps",version=""}': 0,
        'snowmelt_store_bytes{store="log"}': 8_192,
        'snowmelt_store_bytes{store="profiles"}': 4_096,
        'snowmelt_collector_requests_total{outcome="accepted"}': 3,
        'snowmelt_collector_requests_total{outcome="refused"}': 1,
        'snowmelt_collector_requests_total{outcome="untracked"}': 2,
        "snowmelt_streams_events_total": 12,
        "snowmelt_streams_cut_total": 1,
        "snowmelt_streams_open": 5,
        "snowmelt_log_head": 7,
        "snowmelt_engine_lag_bytes": 70,
        "snowmelt_disk_free_bytes": 80,
        "snowmelt_collector_refusing": 1,
        "snowmelt_engine_position": 5,
        "snowmelt_engine_revision": 6,
        "snowmelt_engine_remembered_events": 8,
        "snowmelt_engine_remembered_since_seconds": 0.5,
        "snowmelt_engine_commit_time_seconds": 1.5,
        "snowmelt_engine_held_since_seconds": 3,
        'snowmelt_replayed_events_total{outcome="good"}': 6,
        'snowmelt_unresolved_schemas_total{reason="missing"}': 7,
        'snowmelt_schema_lookups_total{answer="found",registry="a:b"}': 8,
    }
    assert metrics.lag() == 2


def test_metrics_can_be_had_before_the_first_commit(tmp_path: Path) -> None:
    log, store = EventLog(tmp_path / "log"), ProfileStore(tmp_path / "profiles")
    text = ServerMetrics(log, Reading(store), FakeCollector(), FakeHub(), dict, list).text()  # type: ignore[arg-type]
    assert b"snowmelt_engine_events_total 0.0" in text
    log.close()
    store.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/health", 200, b"ok"),
        ("GET", "/metrics", 200, b"snowmelt_log_head 7.0"),
        ("POST", TP2, 200, b"collector"),
        ("OPTIONS", "/anything/at/all", 200, b"collector"),
        ("GET", "/api/v1/registry/attribute_keys/", 200, b"api"),
        ("OPTIONS", "/api/v1/get-online-attributes", 200, b"api"),
        ("GET", "/docs", 200, b"api"),
        ("GET", "/health-all", 200, b"api"),
        ("GET", "/unknown", 404, b"there is nothing at /unknown"),
        ("GET", "/", 404, b"/docs/"),
    ],
)
def test_each_request_finds_its_door(metrics: ServerMetrics, method: str, path: str, status: int, body: bytes) -> None:
    async def api(scope: Any, receive: Any, send: Any) -> None:
        await _answer(send, b"api")

    doors = Doors(FakeCollector(), api, api, api, metrics, None)  # type: ignore[arg-type]
    reply = asyncio.run(request(doors, method, path))
    assert reply is not None
    assert reply.status == status
    assert body in reply.body
    if status == 404:
        assert msgspec.json.decode(reply.body).keys() == {"error", "detail"}


class Writer:
    """A way into the log that can be blocked."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def try_out(self) -> None:
        if self.failure is not None:
            raise self.failure


def test_ready_means_that_all_works(metrics: ServerMetrics, tmp_path: Path) -> None:
    engine, writer = ProcessLock(tmp_path / "lock", "engine"), Writer()
    registry, lag = [3], [0.0]
    bounds = ReadySettings(lag_seconds=5, engine_seconds=1)
    seen = ProcessLock(tmp_path / "lock", "engine")
    readiness = Readiness(seen, writer, lambda: registry[0], lambda: lag[0], bounds)  # type: ignore[arg-type]
    collector = FakeCollector()
    doors = Doors(collector, None, None, None, metrics, readiness)  # type: ignore[arg-type]

    def ready() -> tuple[int, str]:
        reply = asyncio.run(request(doors, "GET", "/ready"))
        assert reply is not None
        return reply.status, reply.body.decode()

    assert ready() == (503, "the engine is not running")
    engine.acquire(timeout=0)
    assert ready() == (503, "the engine is starting")
    engine.beat()
    assert ready() == (200, "ready")
    eventually(lambda: ready()[1].startswith("the engine has not moved for "), "its silence is noticed")
    engine.beat()
    assert ready() == (200, "ready")
    lag[0], writer.failure = 5.5, StoreError("no room")
    registry.clear()
    status, text = ready()
    assert (status, text.splitlines()) == (
        503,
        [
            "events wait to be counted for 5.5 s",
            "the event log cannot be written",
            "the registry cannot be read",
        ],
    )
    lag[0], writer.failure = 0.0, None
    registry.append(3)
    engine.beat()
    collector.backlog = SimpleNamespace(refusal=Refusal("too far behind", 9))
    assert ready() == (200, "ready, but tracker requests are refused: too far behind")
    lag[0] = 5.5
    engine.release()
    assert ready()[1].startswith("the engine is not running\n")
