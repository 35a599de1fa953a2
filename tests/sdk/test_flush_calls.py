"""`flush` over both clients: what is asked, for how long, and what comes of it."""

from typing import Any

import httpx
import pytest

from snowmelt.sdk.errors import (
    SignalsBehindError,
    SignalsBusyError,
    SignalsConfigError,
    SignalsTimeoutError,
    SignalsValidationError,
)

LATE = httpx.Response(504, json={"error": "still 3 records behind", "detail": "still 3 records behind", "behind": 3})


def test_it_asks_once_and_gives_nothing(talk: Any, script: Any) -> None:
    server = script({"position": 17})
    assert talk(server, lambda signals: signals.flush()) is None
    assert talk(server, lambda signals: signals.flush(timeout=2.5)) is None
    assert server.lines == [f"POST /api/v1/testing/flush?timeout={seconds}" for seconds in ("10.0", "2.5")]
    assert [one.body for one in server.asked] == [None, None]


def test_being_late_has_an_error_of_its_own_and_is_not_asked_again(talk: Any, script: Any) -> None:
    server = script(LATE)
    with pytest.raises(SignalsBehindError, match=r"still 3 records behind\nGive it longer") as caught:
        talk(server, lambda signals: signals.flush(timeout=1))
    assert caught.value.behind == 3
    assert len(server.asked) == 1


def test_a_proxy_that_lost_patience_is_not_taken_for_the_engine(talk: Any, script: Any) -> None:
    for answer in (httpx.Response(504, text="<html>"), httpx.Response(504, json={"error": "upstream"})):
        with pytest.raises(SignalsBusyError) as caught:
            talk(script(answer), lambda signals: signals.flush())
        assert type(caught.value) is SignalsBusyError


def test_other_refusals_stay_what_they_are(talk: Any, script: Any) -> None:
    with pytest.raises(SignalsValidationError):
        talk(script(422), lambda signals: signals.flush())


@pytest.mark.parametrize("timeout", [-0.1, 61, float("nan"), float("inf")])
def test_an_impossible_timeout_is_not_sent(talk: Any, script: Any, timeout: float) -> None:
    server = script({"position": 1})
    with pytest.raises(SignalsConfigError, match="from 0 to 60 seconds"):
        talk(server, lambda signals: signals.flush(timeout=timeout))
    assert server.asked == []


def test_the_server_gets_its_time_on_top_of_the_clients(talk: Any, script: Any) -> None:
    given: list[dict[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        given.append(request.extensions["timeout"])
        return httpx.Response(200, json={"position": 1})

    talk(script(answer), lambda signals: signals.flush(timeout=60), timeout=3.0)
    assert given == [{"connect": 3.0, "read": 63.0, "write": 3.0, "pool": 3.0}]


def test_no_answer_at_all_is_told_apart(talk: Any, script: Any) -> None:
    with pytest.raises(SignalsTimeoutError):
        talk(script(httpx.ReadTimeout("silence")), lambda signals: signals.flush())
