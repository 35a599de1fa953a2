"""The quick start: page views, last browser and first referrer of a session, over the last quarter of an hour."""

import time
from datetime import timedelta
from typing import Any

import pytest
from snowplow_tracker import PageView, SelfDescribingJson, Tracker

from snowmelt import (
    AtomicProperty,
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_sessionid,
)
from snowmelt.testing import Visitor

pytestmark = pytest.mark.process

MINUTE_MS = 60_000
VIEWS = [Event(vendor="com.snowplowanalytics.snowplow", name="page_view", version="1-0-0")]
GROUP = StreamAttributeGroup(
    name="quickstart_group",
    attribute_key=domain_sessionid,
    attributes=[
        Attribute(
            name="page_view_count", type="int32", aggregation="counter", events=VIEWS, period=timedelta(minutes=15)
        ),
        Attribute(
            name="most_recent_browser",
            type="string",
            aggregation="last",
            events=VIEWS,
            property=EntityProperty(vendor="nl.basjes", name="yauaa_context", major_version=1, path="agentName"),
        ),
        Attribute(
            name="first_referrer",
            type="string",
            aggregation="first",
            events=VIEWS,
            property=AtomicProperty(name="refr_urlhost"),
            criteria=Criteria(all=[Criterion.neq(AtomicProperty(name="page_referrer"), "")]),
        ),
    ],
    owner="user@company.com",
)


@pytest.fixture(autouse=True)
def published(signals: SignalsSandbox) -> None:
    signals.publish([GROUP])


def view(tracker: Tracker, referrer: str | None = None, browser: str | None = None, ago: float = 0) -> None:
    """A page view; `ago` is in minutes."""
    names = [] if browser is None else [SelfDescribingJson(YAUAA, {"deviceClass": "Desktop", "agentName": browser})]
    at = int(time.time() * 1000 - ago * MINUTE_MS) if ago else None
    tracker.track(PageView("https://shop.example/lamps", referrer=referrer, context=names, true_timestamp=at))


YAUAA = "iglu:nl.basjes/yauaa_context/jsonschema/1-0-4"


def read(profile: Any, visitor: Visitor) -> tuple[Any, ...]:
    values = profile(GROUP, visitor.domain_sessionid)
    return values["page_view_count"], values["most_recent_browser"], values["first_referrer"]


def test_a_session(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    assert read(profile, visitor) == (None, None, None)
    view(tracker, browser="Firefox")
    assert read(profile, visitor) == (1, "Firefox", None)
    view(tracker, referrer="https://search.example/?q=lamps", browser="Chrome")
    assert read(profile, visitor) == (2, "Chrome", "search.example")
    view(tracker, referrer="https://shop.example/")
    # A view without the entity says nothing of the browser, and the first referrer stays the first.
    assert read(profile, visitor) == (3, "Chrome", "search.example")


def test_an_empty_referrer_is_none(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    view(tracker, referrer="")
    view(tracker, referrer="https://mail.example/inbox")
    assert read(profile, visitor) == (2, None, "mail.example")


def test_what_is_older_than_the_period_is_not_counted(tracker: Tracker, visitor: Visitor, profile: Any) -> None:
    """The period is the counter's own: browser and referrer are of the whole session, in the order of its events."""
    view(tracker, referrer="https://late.example/", browser="Chrome", ago=5)
    view(tracker, referrer="https://early.example/", browser="Firefox", ago=20)
    assert read(profile, visitor) == (1, "Chrome", "early.example")


def test_sessions_are_apart_also_of_one_user(snowmelt_server: Any, profile: Any) -> None:
    morning = Visitor()
    evening = Visitor(domain_userid=morning.domain_userid)
    view(snowmelt_server.tracker(morning), browser="Firefox")
    for _ in range(2):
        view(snowmelt_server.tracker(evening), browser="Chrome")
    assert read(profile, morning) == (1, "Firefox", None)
    assert read(profile, evening) == (2, "Chrome", None)
