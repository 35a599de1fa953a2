"""What a subscription does when connections end, played by hand: no sockets, no clocks."""

import random
from typing import Any

import pytest

from snowmelt import AttributeKeyIdentifiers, InterventionInstance
from snowmelt.sdk.credentials import FixedToken
from snowmelt.sdk.errors import SignalsAPIError, SignalsResponseError
from snowmelt.sdk.following import Following, Listen, Read, follow, query
from snowmelt.sdk.messages import Response
from snowmelt.sdk.retry import Retry
from snowmelt.sdk.session import Failure, Session, Wait

TARGETS = AttributeKeyIdentifiers({"domain_userid": ["a b", "c"], "user_id": ["d"]})
OPEN = Response(200, b"", {"content-type": "text/event-stream"})
LOST = Failure("connection", OSError("gone"))


def started() -> tuple[Following, Any]:
    session = Session("http://x:8080/", FixedToken("t"), retry=Retry(), clock=lambda: 0.0)
    flow = follow(session, TARGETS, random.Random(1))
    return flow, next(flow)


def event(number: int) -> bytes:
    return b'id: %d\ndata: {"name":"n%d","version":1,"attributes":{},"intervention_id":"i"}\n\n' % (number, number)


def test_it_asks_for_the_targets_without_a_token() -> None:
    _, step = started()
    assert isinstance(step, Listen)
    assert step.send.url == "http://x:8080/api/v1/interventions?domain_userid=a+b&domain_userid=c&user_id=d"
    assert "Authorization" not in step.send.headers and "Last-Event-ID" not in step.send.headers
    assert step.send.headers["Accept"] == "text/event-stream"


def test_no_targets_are_an_empty_query() -> None:
    assert query(AttributeKeyIdentifiers(None)) == ""


def test_it_goes_on_after_the_last_whole_event() -> None:
    flow, _ = started()
    assert isinstance(flow.send(OPEN), Read)
    got: list[Any] = []
    step = flow.send(b"retry: 300\nid: 0\n\n" + event(1) + event(2) + event(3)[:-1])
    while isinstance(step, InterventionInstance):
        got.append(step.name)
        step = flow.send(None)
    assert got == ["n1", "n2"] and isinstance(step, Read)
    assert flow.send(None) == Wait(0.3), "as long as the server asks for"
    step = flow.send(None)
    assert isinstance(step, Listen) and step.send.headers["Last-Event-ID"] == "2"
    flow.send(OPEN)
    step = flow.send(event(3))
    assert isinstance(step, InterventionInstance) and step.name == "n3"


def test_it_comes_back_even_before_the_first_event() -> None:
    flow, _ = started()
    flow.send(OPEN)
    flow.send(b": connected\n\nid: 41\n\n")
    flow.send(None)
    step = flow.send(None)
    assert isinstance(step, Listen) and step.send.headers["Last-Event-ID"] == "41"


def test_pauses_grow_and_a_success_makes_them_short_again() -> None:
    flow, _ = started()
    pauses = []
    for _ in range(12):
        wait = flow.send(LOST)
        assert isinstance(wait, Wait)
        pauses.append(wait.seconds)
        assert isinstance(flow.send(None), Listen)
    assert pauses[0] <= 0.2 and all(2.5 <= pause <= 5.0 for pause in pauses[6:])
    flow.send(OPEN)
    assert flow.send(None) == Wait(0.1)


@pytest.mark.parametrize(
    ("headers", "least", "most"), [({}, 0.1, 0.2), ({"retry-after": "2"}, 2, 2), ({"retry-after": "900"}, 5, 5)]
)
def test_a_server_that_is_busy_is_asked_again(headers: dict[str, str], least: float, most: float) -> None:
    flow, _ = started()
    wait = flow.send(Response(503, b"{}", headers))
    assert isinstance(wait, Wait) and least <= wait.seconds <= most


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_a_refusal_is_told(status: int) -> None:
    flow, _ = started()
    with pytest.raises(SignalsAPIError, match="no such key"):
        flow.send(Response(status, b'{"error": "no such key"}'))


def test_a_page_is_no_stream() -> None:
    flow, _ = started()
    with pytest.raises(SignalsResponseError, match="a stream of events"):
        flow.send(Response(200, b"", {"content-type": "text/html; charset=utf-8"}))


def test_what_is_no_intervention_is_told_and_other_kinds_are_passed_over() -> None:
    flow, _ = started()
    flow.send(OPEN)
    assert isinstance(flow.send(b"event: news\ndata: {}\n\n"), Read)
    with pytest.raises(SignalsResponseError, match="no intervention"):
        flow.send(b"data: {}\n\n")
