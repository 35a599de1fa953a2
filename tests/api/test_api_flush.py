"""Waiting until what was acknowledged is readable: for how long, for what, and who else is held up."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from snowmelt.api.app import Api
from snowmelt.api.flush import Progress

PATH = "testing/flush"


def test_what_is_readable_already_is_answered_at_once(client: Any, profiles: Any) -> None:
    assert client.post(PATH).json() == {"position": 0}
    profiles.head = profiles.position = 7
    answer = client.post(PATH, content=b"no JSON is needed")
    assert (answer.status_code, answer.json()) == (200, {"position": 7})


def test_who_is_not_there_in_time_is_told_how_far_behind_the_engine_is(client: Any, profiles: Any) -> None:
    profiles.head, profiles.position = 12, 9
    for seconds in (0, 0.05):
        started = time.monotonic()
        answer = client.post(PATH, params={"timeout": seconds})
        assert seconds <= time.monotonic() - started < seconds + 5
        body = answer.json()
        assert (answer.status_code, body["behind"]) == (504, 3)
        assert body["error"] == body["detail"]
        assert f"still 3 records of the event log behind after {seconds:g} s" in body["error"]
    profiles.position = 11
    assert "1 record of" in client.post(PATH, params={"timeout": 0}).json()["detail"]


@pytest.mark.parametrize("timeout", ["-1", "60.1", "nan", "inf", "soon", ""])
def test_a_timeout_must_be_one(client: Any, timeout: str) -> None:
    answer = client.post(PATH, params={"timeout": timeout})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "timeout"]


def test_the_longest_timeout_is_taken(client: Any) -> None:
    assert client.post(PATH, params={"timeout": "60"}).status_code == 200


def test_it_takes_a_post_and_nothing_else_below_testing_is_there(client: Any) -> None:
    assert client.get(PATH).status_code == 405
    assert client.post("testing/flush/more").status_code == 404


def test_others_are_served_while_somebody_waits(app: Api, runner: asyncio.Runner, profiles: Any) -> None:
    profiles.head, profiles.position = 5, 4
    headers = {"Authorization": "Bearer a-token-for-tests"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)

    async def talk() -> None:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://snowmelt.test/api/v1/", headers=headers
        ) as http:
            waiting = asyncio.create_task(http.post(PATH))
            for _ in range(3):
                assert (await http.get("registry/services")).status_code == 200
            assert not waiting.done()
            profiles.position = 5
            assert (await waiting).json() == {"position": 5}

    runner.run(talk())


class Engine:
    """Reaches the place that is waited for after a while; counts how often it was asked."""

    def __init__(self, seconds: float) -> None:
        self.done = time.monotonic() + seconds
        self.looks = 0

    def position(self) -> int:
        self.looks += 1
        return int(time.monotonic() >= self.done)


@pytest.mark.parametrize(("seconds", "looks"), [(0.004, 20), (1.0, 60)])
def test_waiting_is_neither_long_nor_busy(runner: asyncio.Runner, seconds: float, looks: int) -> None:
    engine = Engine(seconds)
    heads = [1]
    # There is one head to take: what comes into the log after the call must not be waited for.
    assert runner.run(Progress(heads.pop, engine.position).catch_up(10)) == (1, 0)
    # A busy machine may wake us later, never earlier.
    assert time.monotonic() - engine.done < 2
    assert 2 <= engine.looks <= looks
