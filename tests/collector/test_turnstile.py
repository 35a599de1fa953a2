"""However many requests come at once, others get their turn between them; and none is kept for ever."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collector_door import JSON, TP2, Door, request
from snowmelt.collector.backlog import Refusal
from snowmelt.collector.turnstile import Turnstile


async def turns_of(turnstile: Turnstile, count: int) -> list[int]:
    """In which turn of the event loop each of some comers was through."""
    turn, seen = 0, []

    async def comer() -> None:
        await turnstile.enter()
        seen.append(turn)

    comers = [asyncio.create_task(comer()) for _ in range(count)]
    while len(seen) < count:
        turn += 1
        assert turn < 10_000, "somebody is kept"
        await asyncio.sleep(0)
    await asyncio.gather(*comers)
    return seen


def test_few_get_through_at_once_and_many_in_order_a_few_a_turn() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(4)
        assert len(set(await turns_of(turnstile, 4))) == 1
        seen = await turns_of(turnstile, 41)
        assert seen == sorted(seen)
        assert max(seen.count(turn) for turn in seen) <= 4
        assert len(turnstile) == 0
        # It has come to rest, and starts again.
        for _ in range(5):
            await asyncio.sleep(0)
        assert not turnstile._turning
        assert len(await turns_of(turnstile, 9)) == 9

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_who_gives_up_keeps_nobody() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(1)
        await turnstile.enter()
        waiting = [asyncio.create_task(turnstile.enter()) for _ in range(10)]
        await asyncio.sleep(0)
        for gone in waiting[:9]:
            gone.cancel()
        await waiting[9]

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_with_a_pause_no_more_get_through_than_that() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(5, pause=0.02)
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.gather(*(turnstile.enter() for _ in range(26)))
        assert loop.time() - started >= 0.02 * 5 * 0.9

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_another_task_runs_between_tracker_requests(door: Door) -> None:
    """What a read would do: how many requests are answered between two of its turns, the log's answers included."""

    async def scenario() -> list[int]:
        answered = 0
        gaps: list[int] = []

        async def tracker(number: int) -> None:
            nonlocal answered
            reply = await request(door.app, "POST", TP2, [JSON], [b"%d" % number])
            assert reply is not None and reply.status == 200
            answered += 1

        trackers = [asyncio.create_task(tracker(number)) for number in range(300)]
        while answered < 300:
            before = answered
            await asyncio.sleep(0)
            gaps.append(answered - before)
        await asyncio.gather(*trackers)
        return gaps

    assert max(door.run(scenario())) <= 48, "two groups, and those that begin"
    assert sorted(int(payload.body or b"") for payload in door.payloads()) == list(range(300))


def test_who_was_to_be_refused_is_taken_if_it_is_possible_by_then(
    make_door: Callable[..., Door], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = make_door()
    backlog: Any = SimpleNamespace(refusal=Refusal("behind", 7))
    door.app.backlog = backlog

    async def scenario() -> list[int]:
        waiting = [
            asyncio.create_task(request(door.app, "POST", TP2, [JSON], [b"%d" % number])) for number in range(100)
        ]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        backlog.refusal = None
        return [reply.status for reply in await asyncio.gather(*waiting) if reply]

    statuses = door.run(scenario())
    assert set(statuses) == {200, 503} and len(statuses) == 100
    assert len(door.payloads()) == statuses.count(200) == door.app.accepted
