"""A session seen by the real tracker, read by the client as an assistant would."""

import asyncio
import json
import re
import time
import uuid
from typing import Any

import httpx
import pytest
from snowplow_tracker import Emitter, SelfDescribing, SelfDescribingJson, Subject, Tracker
from snowplow_tracker.events import PagePing, PageView

from snowmelt import (
    AsyncSignalsSandbox,
    EventLog,
    EventLogAtomicProperty,
    EventLogEntityProperty,
    EventLogEvent,
    EventLogEventProperty,
    EventSelection,
    SignalsNotFoundError,
    SignalsSandbox,
    domain_sessionid,
)

pytestmark = pytest.mark.process

VENDOR = "com.example.shop"
NAME = EventLogAtomicProperty(name="event_name")
LOG = EventLog(
    name="recent_activity",
    prompt="You help this shopper decide.",
    attribute_key=domain_sessionid,
    events=[
        EventSelection(
            event=EventLogEvent(name="page_view"),
            properties=[
                NAME,
                EventLogAtomicProperty(name="page_urlpath"),
                EventLogAtomicProperty(name="page_title", output_name="title"),
            ],
        ),
        EventSelection(
            event=EventLogEvent(vendor=VENDOR, name="filter_applied", major_version=2),
            properties=[
                NAME,
                EventLogEventProperty(vendor=VENDOR, name="filter_applied", major_version=2, path="tags"),
                EventLogEntityProperty(vendor=VENDOR, name="shelf", major_version=1, path="position.row", index=1),
            ],
        ),
    ],
    max_events=4,
    max_age_seconds=600,
)


class Browser:
    """One session of a visitor."""

    def __init__(self, server: Any, session: str) -> None:
        self._emitter = Emitter(server.url.removeprefix("http://"), protocol="http", method="post", batch_size=1)
        subject = Subject().set_domain_user_id(str(uuid.uuid4())).set_domain_session_id(session)
        self._tracker = Tracker("shop", self._emitter, subject=subject, app_id="shop")

    def views(self, path: str, title: str) -> None:
        self._tracker.track(PageView(f"https://shop.example{path}", page_title=title))

    def stays(self) -> None:
        self._tracker.track(PagePing("https://shop.example/", page_title="Home"))

    def filters(self, version: str, *tags: str) -> None:
        event = SelfDescribingJson(f"iglu:{VENDOR}/filter_applied/jsonschema/{version}", {"tags": list(tags)})
        shelves = [
            SelfDescribingJson(f"iglu:{VENDOR}/shelf/jsonschema/1-0-0", {"position": {"row": row}}) for row in (4, 7)
        ]
        self._tracker.track(SelfDescribing(event, context=shelves))


def test_a_session_is_told_as_it_happened(server: Any) -> None:
    session, began = str(uuid.uuid4()), int(time.time() * 1000)
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        with pytest.raises(SignalsNotFoundError):
            signals.get_agentic_context(LOG.name, session)
        Browser(server, session).views("/before", "Before")
        signals.publish([LOG])
        browser = Browser(server, session)
        browser.views("/", "Home")
        browser.views("/lamps", "Lamps")
        Browser(server, str(uuid.uuid4())).views("/", "Somebody else")
        browser.stays()
        browser.filters("2-0-1", "it's", "red")
        browser.filters("1-0-0", "of another major version")
        server.flush()

        told = LOG.get_agentic_context(signals, session)
        assert not isinstance(told, str)
        assert [{name: event[name] for name in event if name != "derived_tstamp"} for event in told.events] == [
            {"event_name": "page_view", "page_urlpath": "/", "title": "Home"},
            {"event_name": "page_view", "page_urlpath": "/lamps", "title": "Lamps"},
            {"event_name": "filter_applied", "row": 7, "tags": ["it's", "red"]},
        ]
        assert began <= told.started_at_ms <= time.time() * 1000
        assert all(event["derived_tstamp"] for event in told.events)
        assert re.fullmatch(
            r"Last activity \d+ seconds ago\. Session started \d+ seconds ago\. "
            r"Based on last 4 recorded events for the last 600 seconds\.",
            told.summary,
        )
        text = LOG.get_agentic_context(signals, session, format="narrative")
        assert isinstance(text, str)
        lines = [re.sub(r"^\d+, ", "", line) for line in text.split("\n")]
        assert lines[0] == LOG.prompt
        assert lines[-4:] == [
            "page_view, /, {title: 'Home'}",
            "page_view, /lamps, {title: 'Lamps'}",
            "filter_applied, , {row: 7, tags: ['it\\'s', 'red']}",
            "[END CONTEXT]",
        ]

        server.kill()
        server.start()
        browser.views("/cart", "Cart")
        browser.views("/pay", "Pay")
        server.flush()

    async def ask() -> Any:
        async with AsyncSignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
            return await signals.get_agentic_context(LOG.name, session)

    later = asyncio.run(ask())
    assert [event["event_name"] for event in later.events] == ["page_view", "filter_applied", "page_view", "page_view"]
    assert later.events[1:2] == told.events[2:]
    assert later.summary.partition(" seconds ")[2].startswith("on the current page. ")

    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        signals.unpublish([LOG])
        with pytest.raises(SignalsNotFoundError):
            signals.get_agentic_context(LOG.name, session)
        signals.publish([LOG])
        again = signals.get_agentic_context(LOG.name, session)
        assert not isinstance(again, str) and again.events == later.events


def test_a_reader_may_read_and_a_stranger_may_not(server: Any) -> None:
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        signals.publish([LOG])
    admin = {"Authorization": f"Bearer {server.token}"}
    made = httpx.post(f"{server.url}/api/v1/api_keys", content=json.dumps({"role": "reader"}), headers=admin).json()
    asked = {"name": LOG.name, "identifier": "s"}
    for headers, status in (({"Authorization": f"Bearer {made['key']}"}, 200), ({}, 401)):
        assert httpx.get(f"{server.url}/api/v1/event_log", params=asked, headers=headers).status_code == status
