"""Reading event logs, over both clients."""

from typing import Any

import httpx
import pytest

from snowmelt.definitions import (
    AgenticContextResponse,
    EventLog,
    EventLogAtomicProperty,
    EventSelection,
    PageView,
    domain_sessionid,
)
from snowmelt.sdk.errors import SignalsNotFoundError, SignalsResponseError

ANSWER = {
    "summary": "Last activity 3 seconds ago.",
    "attribute_key": "domain_sessionid",
    "identifier": "s 1",
    "name": "recent",
    "version": 1,
    "started_at_ms": 1785334905303,
    "events": [{"derived_tstamp": "2026-07-29T14:21:45.303Z", "page_title": "Home"}],
}
LOG = EventLog(
    name="recent",
    attribute_key=domain_sessionid,
    events=[EventSelection(event=PageView(), properties=[EventLogAtomicProperty(name="page_title")])],
    max_events=9,
    max_age_seconds=60,
)


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.get_agentic_context("recent", "s 1"),
        lambda s: s.attributes.get_agentic_context("recent", "s 1", "json"),
        lambda s: LOG.get_agentic_context(s, "s 1"),
    ],
)
def test_a_context_is_read_as_data(talk: Any, script: Any, use: Any) -> None:
    server = script(ANSWER | {"members of later servers": 1})
    context = talk(server, use)
    assert isinstance(context, AgenticContextResponse)
    assert context.model_dump(exclude_none=True) == ANSWER
    assert server.lines == ["GET /api/v1/event_log?name=recent&identifier=s+1&format=json"]
    assert server.asked[0].body is None


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.get_agentic_context("recent", "é&=", format="narrative"),
        lambda s: s.attributes.get_agentic_context("recent", "é&=", format="narrative"),
        lambda s: LOG.get_agentic_context(s, "é&=", "narrative"),
    ],
)
def test_a_context_is_read_as_text(talk: Any, script: Any, use: Any) -> None:
    text = "[START CONTEXT]\n0, page_view, /, {title: 'Crème'}\n[END CONTEXT]"
    server = script(httpx.Response(200, text=text))
    assert talk(server, use) == text
    assert server.lines == ["GET /api/v1/event_log?name=recent&identifier=%C3%A9%26%3D&format=narrative"]


@pytest.mark.parametrize("form", ["json", "narrative"])
def test_what_is_not_published_is_not_found(talk: Any, script: Any, form: Any) -> None:
    with pytest.raises(SignalsNotFoundError, match="status 404"):
        talk(script(404), lambda s: s.get_agentic_context("recent", "s", form))


@pytest.mark.parametrize(
    ("form", "answer", "told"),
    [
        ("json", {"events": []}, "AgenticContextResponse"),
        ("json", httpx.Response(200, text="[START CONTEXT]"), "not JSON"),
        ("narrative", httpx.Response(200, content=b"\xff"), "not UTF-8"),
    ],
)
def test_an_answer_of_another_shape_is_told(talk: Any, script: Any, form: Any, answer: Any, told: str) -> None:
    with pytest.raises(SignalsResponseError, match=told):
        talk(script(answer), lambda s: s.get_agentic_context("recent", "s", form))
