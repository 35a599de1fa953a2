import random
from typing import Any

import pytest

from snowmelt.sdk.credentials import ApiKey, FixedToken
from snowmelt.sdk.errors import (
    SignalsAuthError,
    SignalsBusyError,
    SignalsConfigError,
    SignalsConnectionError,
    SignalsTimeoutError,
)
from snowmelt.sdk.messages import Call, Request, Response
from snowmelt.sdk.retry import Retry
from snowmelt.sdk.session import Failure, Flow, Outcome, Send, Session, Step, Wait

REFUSED = Failure("connection", OSError("connection refused"))
GET = Request("GET", "registry/services/")
POST = Request("POST", "registry/services/", {"name": "shop"})
READ = Request("POST", "get-online-attributes", {"service": "shop"}, reads=True)


def ask(request: Request) -> Call[Any]:
    response = yield request
    return response.json()


def session(**settings: Any) -> Session:
    settings = {"retry": Retry(retries=2), "clock": lambda: 100.0, "rand": random.Random(7), **settings}
    return Session("http://localhost:8080/", settings.pop("credentials", FixedToken("t")), **settings)


def play(flow: Flow[Any], *outcomes: Outcome) -> tuple[list[Step], Any]:
    """The steps that a flow takes while these outcomes come back, and its result; waiting always succeeds."""
    coming = list(outcomes)
    steps: list[Step] = []
    try:
        step = next(flow)
        while True:
            steps.append(step)
            step = flow.send(None if isinstance(step, Wait) else coming.pop(0))
    except StopIteration as done:
        assert not coming
        return steps, done.value


def ok(body: bytes = b"{}") -> Response:
    return Response(200, body)


def test_a_request_carries_address_token_and_json() -> None:
    steps, result = play(session().run(ask(POST)), Response(201, b'{"ok": true}'))
    assert result == {"ok": True}
    (send,) = steps
    assert isinstance(send, Send)
    assert (send.method, send.url) == ("POST", "http://localhost:8080/api/v1/registry/services/")
    assert send.content == b'{"name":"shop"}'
    assert send.headers["Authorization"] == "Bearer t"
    assert send.headers["Content-Type"] == "application/json; charset=utf-8"
    assert send.headers["X-Signals-Sdk-Name"].startswith("snowmelt-py ")


def test_text_travels_as_utf8() -> None:
    steps, _ = play(session().run(ask(Request("POST", "x", {"description": "Käse"}))), ok())
    assert isinstance(steps[0], Send)
    assert steps[0].content == '{"description":"Käse"}'.encode()


def test_nothing_is_said_about_a_body_that_is_not_there() -> None:
    steps, _ = play(session().run(ask(GET)), ok())
    assert isinstance(steps[0], Send)
    assert steps[0].content is None
    assert "Content-Type" not in steps[0].headers


@pytest.mark.parametrize("request_", [GET, READ, Request("PUT", "x", {}), Request("DELETE", "x")])
@pytest.mark.parametrize("bad", [REFUSED, Response(429, b"{}"), Response(502, b""), Response(503, b"<html>")])
def test_what_may_be_repeated_is_asked_again(request_: Request, bad: Outcome) -> None:
    steps, _ = play(session().run(ask(request_)), bad, bad, ok())
    assert [type(step) for step in steps] == [Send, Wait, Send, Wait, Send]


def test_a_write_that_may_not_be_repeated_is_asked_once() -> None:
    with pytest.raises(SignalsConnectionError):
        play(session().run(ask(POST)), REFUSED)
    with pytest.raises(SignalsBusyError):
        play(session().run(ask(POST)), Response(503, b'{"error": "starting"}'))


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_an_answer_that_says_no_is_final(status: int) -> None:
    steps: list[Step] = []
    flow = session().run(ask(GET))
    steps.append(next(flow))
    with pytest.raises(Exception, match=str(status)):
        flow.send(Response(status, b'{"detail": "no"}'))
    assert len(steps) == 1


def test_a_request_that_timed_out_is_not_repeated() -> None:
    with pytest.raises(SignalsTimeoutError, match="timeout=") as caught:
        play(session().run(ask(READ)), Failure("timeout", TimeoutError("read timed out")))
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_retry_after_is_honoured() -> None:
    busy = Response(429, b"{}", {"retry-after": "4"})
    steps, _ = play(session().run(ask(GET)), busy, ok())
    assert steps[1] == Wait(4.0)


def test_after_the_last_attempt_the_answer_is_raised() -> None:
    bad = Response(503, b'{"error": "starting"}')
    with pytest.raises(SignalsBusyError, match="starting"):
        play(session().run(ask(GET)), bad, bad, bad)


def test_a_server_that_does_not_run_is_named() -> None:
    with pytest.raises(SignalsConnectionError) as caught:
        play(session().run(ask(GET)), REFUSED, REFUSED, REFUSED)
    said = str(caught.value)
    assert "Is `snowmelt serve` running at http://localhost:8080?" in said
    assert "3 attempts" in said
    assert "connection refused" in said


def test_a_token_that_the_server_forgot_is_fetched_once_more() -> None:
    key = ApiKey(api_key="k", api_key_id="i", org_id="o")
    token, denied = Response(200, b'{"accessToken": "x"}'), Response(401, b'{"error": "unknown token"}')
    steps, result = play(session(credentials=key).run(ask(GET)), token, denied, token, ok(b"3"))
    assert result == 3
    assert ["token" in step.url for step in steps if isinstance(step, Send)] == [True, False, True, False]


def test_a_token_refused_twice_is_an_error() -> None:
    key = ApiKey(api_key="k", api_key_id="i", org_id="o")
    token, denied = Response(200, b'{"accessToken": "x"}'), Response(401, b'{"error": "unknown token"}')
    with pytest.raises(SignalsAuthError, match="unknown token"):
        play(session(credentials=key).run(ask(GET)), token, denied, token, denied)


@pytest.mark.parametrize(
    "url", ["", "localhost:8080", "ftp://x", "http://", "http://[::", "http://x:99999", "http://x/?a=1"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(SignalsConfigError, match="api_url"):
        Session(url, FixedToken("t"), retry=Retry())
