"""Group commit: nobody is answered before the record is on the disk, and failures reach everybody who waits."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from another_process import AnotherProcess, read_log
from collector_door import JSON, TP2, Door, request
from snowmelt.collector import writer as module
from snowmelt.collector.writer import Entry, LogWriter, OverloadedError
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.event_log import EventLog, Kind

LONG = 20.0


@pytest.fixture(scope="module")
def another_process() -> Iterator[AnotherProcess]:
    process = AnotherProcess()
    yield process
    process.close()


def entry(body: bytes) -> Entry:
    return Kind.EVENTS, 0, body


class GatedLog:
    """A log whose disk is as slow, or as broken, as a test wants it."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.entered = threading.Semaphore(0)
        self.may_go_on = threading.Semaphore(0)
        self.failure: Exception | None = None

    def append(self, records: Sequence[Entry]) -> int:
        self.entered.release()
        assert self.may_go_on.acquire(timeout=LONG)
        if self.failure is not None:
            raise self.failure
        self.groups.append([body for _, _, body in records])
        return len(records)


async def until(acquired: threading.Semaphore) -> None:
    assert await asyncio.to_thread(acquired.acquire, timeout=LONG)


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    opened = Bell(tmp_path / "bell")
    yield opened
    opened.close()


def test_a_reply_means_that_others_can_read_the_record(door: Door, another_process: AnotherProcess) -> None:
    for number in range(3):
        assert door("POST", TP2, [JSON], b"%d" % number).status == 200
        assert len(another_process(read_log, door.log.path)) == number + 1
    assert door.bell.wait(LONG) == []


def test_requests_that_come_together_are_all_recorded(door: Door) -> None:
    async def burst() -> list[int]:
        replies = await asyncio.gather(
            *(request(door.app, "POST", TP2, [JSON], [b"%d" % number]) for number in range(500))
        )
        return [reply.status for reply in replies if reply]

    assert door.run(burst()) == [200] * 500
    assert sorted(int(payload.body or b"") for payload in door.payloads()) == list(range(500))
    assert door.app.accepted == 500


def test_what_comes_while_the_disk_works_is_written_together_in_order(bell: Bell) -> None:
    log = GatedLog()

    async def scenario() -> None:
        writer = LogWriter(log, bell)  # type: ignore[arg-type]
        first = asyncio.create_task(writer.append(entry(b"1")))
        await until(log.entered)
        others = [asyncio.create_task(writer.append(entry(b"%d" % number))) for number in range(2, 6)]
        await asyncio.sleep(0)
        assert not first.done() and not any(other.done() for other in others)
        log.may_go_on.release()
        await first
        assert not any(other.done() for other in others), "their group is not on the disk yet"
        log.may_go_on.release()
        await asyncio.gather(*others)
        assert log.groups == [[b"1"], [b"2", b"3", b"4", b"5"]]
        await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), LONG))


@pytest.mark.parametrize("failure", [StoreFullError("full"), RuntimeError("unforeseen"), MemoryError()])
def test_a_failure_reaches_everybody_who_waits_and_the_writer_goes_on(bell: Bell, failure: Exception) -> None:
    log = GatedLog()

    async def scenario() -> None:
        writer = LogWriter(log, bell)  # type: ignore[arg-type]
        log.failure = failure
        log.may_go_on.release()
        log.may_go_on.release()
        refused = await asyncio.gather(
            *(writer.append(entry(b"%d" % number)) for number in range(4)), return_exceptions=True
        )
        assert [isinstance(error, StoreError) for error in refused] == [True] * 4
        log.failure = None
        log.may_go_on.release()
        log.may_go_on.release()
        await writer.append(entry(b"next"))
        assert log.groups == [[b"next"]]
        await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), LONG))


def test_a_bell_that_does_not_ring_is_no_reason_to_send_again(bell: Bell, tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")

    class Mute:
        def ring(self) -> None:
            raise OSError("no bell")

    async def scenario() -> None:
        writer = LogWriter(log, Mute())  # type: ignore[arg-type]
        await writer.append(entry(b"stored"))
        await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), LONG))
    assert [record.body for record in log.follow()] == [b"stored"]
    log.close()


def test_a_client_that_has_gone_disturbs_nobody(bell: Bell) -> None:
    log = GatedLog()

    async def scenario() -> None:
        writer = LogWriter(log, bell)  # type: ignore[arg-type]
        gone, waiting = [asyncio.create_task(writer.append(entry(body))) for body in (b"gone", b"waiting")]
        await until(log.entered)
        gone.cancel()
        log.may_go_on.release()
        log.may_go_on.release()
        await waiting
        assert [body for group in log.groups for body in group] == [b"gone", b"waiting"]
        await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), LONG))


def test_closing_writes_what_waits_and_takes_no_more(bell: Bell) -> None:
    log = GatedLog()

    async def scenario() -> None:
        writer = LogWriter(log, bell)  # type: ignore[arg-type]
        waiting = [asyncio.create_task(writer.append(entry(b"1")))]
        await until(log.entered)
        waiting.append(asyncio.create_task(writer.append(entry(b"2"))))
        await asyncio.sleep(0)
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="stopping"):
            await writer.append(entry(b"too late"))
        log.may_go_on.release()
        log.may_go_on.release()
        await closing
        await asyncio.gather(*waiting)
        assert log.groups == [[b"1"], [b"2"]]

    asyncio.run(asyncio.wait_for(scenario(), LONG))


def test_too_much_waiting_is_refused_until_it_is_written(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 10)
    log = GatedLog()

    async def scenario() -> None:
        writer = LogWriter(log, bell)  # type: ignore[arg-type]
        taken = [asyncio.create_task(writer.append(entry(b"being written")))]
        await until(log.entered)
        taken.append(asyncio.create_task(writer.append(entry(b"x" * 11))))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="too far behind"):
            await writer.append(entry(b"one more"))
        log.may_go_on.release()
        await until(log.entered)
        taken.append(asyncio.create_task(writer.append(entry(b"after"))))
        log.may_go_on.release()
        log.may_go_on.release()
        await asyncio.gather(*taken)
        assert len(log.groups) == 3
        await writer.close()

    asyncio.run(asyncio.wait_for(scenario(), LONG))


@pytest.mark.parametrize("failure", [StoreFullError("full"), OSError("unforeseen")])
def test_trackers_are_told_to_send_again(
    make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    door = make_door()

    def broken(records: Sequence[Entry]) -> int:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(door.log, "append", broken)

        async def burst() -> list[object]:
            return await asyncio.gather(
                *(request(door.app, "POST", TP2, [JSON, ("Origin", "https://a.example")], [b"{}"]) for _ in range(5)),
                request(door.app, "GET", "/i?e=pv"),
            )

        for reply in door.run(burst()):
            assert reply is not None
            assert (reply.status, reply["retry-after"]) == (503, "5")
            assert reply["set-cookie"] is None
            assert reply["access-control-allow-origin"] in ("https://a.example", "*")
    assert door.payloads() == []
    assert (door.app.accepted, door.app.refused) == (0, 6)
    assert door("POST", TP2, [JSON], b"{}").status == 200
    assert len(door.payloads()) == 1


def test_a_full_log_answers_503_and_small_requests_pass_again_after_a_trim(make_door: Callable[..., Door]) -> None:
    door = make_door(max_body_bytes=80 * 1024**2, max_payload_bytes=80 * 1024**2, max_record_bytes=80 * 1024**2)
    statuses = [door("POST", TP2, [JSON], b"x" * (30 * 1024**2)).status for _ in range(3)]
    assert statuses == [200, 200, 503]
    assert len(door.payloads()) == 2
    door.log.trim(2, older_than=2**60)
    assert door("POST", TP2, [JSON], b"x" * (30 * 1024**2)).status == 200
    assert len(door.payloads()) == 2
