"""The travel tutorial: what a session says of a traveller's taste, from pages, filters and their content."""

from collections.abc import Sequence
from typing import Any

import pytest
from snowplow_tracker import PagePing, PageView, SelfDescribing, SelfDescribingJson, Tracker

from snowmelt import (
    AtomicProperty,
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_sessionid,
)
from snowmelt.testing import Visitor

pytestmark = pytest.mark.process

TRAVEL = "com.snowplowanalytics.accelerators.travel"
PAGE_VIEW = Event(vendor="com.snowplowanalytics.snowplow", name="page_view", version="1-0-0")
TAGS = {
    "cultural_explorer": ["culture", "history", "heritage", "ancient", "temples", "art", "traditional"],
    "modern_urbanite": ["urban", "nightlife", "shopping", "modern", "architecture"],
    "tranquil_seeker": ["nature", "peaceful", "wellness", "beaches", "mountains", "river"],
    "family_fun": ["family-friendly", "beaches", "nature", "food", "mountains", "culture"],
    "culinary_tourist": ["food", "street food", "multicultural", "traditional", "urban", "shopping"],
}
"""What the content of a page or a filter can say, by the taste that it speaks for."""


def travel(name: str) -> Event:
    """An event of the travel site's own."""
    return Event(vendor=TRAVEL, name=name, version="1-0-0")


def said(event: str, path: str) -> EventProperty:
    """What an event of the travel site says."""
    return EventProperty(vendor=TRAVEL, name=event, major_version=1, path=path)


CONTENT = EntityProperty(vendor=TRAVEL, name="content", major_version=1, path="primary_tag")


def counter(name: str, events: Sequence[Event], *any_of: Criterion) -> Attribute:
    """A count of events that fulfil one of the criteria, or of all events if there are none."""
    criteria = Criteria(any=list(any_of)) if any_of else None
    return Attribute(name=name, type="int32", aggregation="counter", events=list(events), criteria=criteria)


def last(name: str, event: str, path: str, criteria: Criteria | None = None) -> Attribute:
    """What an event said last."""
    return Attribute(
        name=name,
        type="string",
        aggregation="last",
        events=[travel(event)],
        property=said(event, path),
        criteria=criteria,
    )


TAG = said("filter_tag_applied", "tag_name")
TASTE = (travel("filter_tag_applied"), PAGE_VIEW)
PRICE = (travel("sort_change"), travel("destination_filter"), PAGE_VIEW)


def price(name: str, order: str, level: str, tags: list[str]) -> Attribute:
    """How often somebody showed how much a journey may cost: by sorting, by filtering, or by what was looked at."""
    return counter(
        name,
        PRICE,
        Criterion.eq(said("sort_change", "sort_option"), order),
        Criterion.eq(said("destination_filter", "filter_value"), level),
        Criterion.in_list(CONTENT, tags),
    )


GROUP = StreamAttributeGroup(
    name="travel_view",
    attribute_key=domain_sessionid,
    attributes=[
        counter("page_view_count", [PAGE_VIEW]),
        Attribute(
            name="destination_page_view_count",
            type="int32",
            aggregation="counter",
            events=[PAGE_VIEW],
            criteria=Criteria(all=[Criterion.like(AtomicProperty(name="page_urlpath"), "%destinations%")]),
        ),
        counter(
            "family_destination_count",
            TASTE,
            Criterion.eq(TAG, "Family"),
            Criterion.in_list(CONTENT, TAGS["family_fun"]),
        ),
        *(
            counter(name, TASTE, Criterion.in_list(TAG, tags), Criterion.in_list(CONTENT, tags))
            for name, tags in TAGS.items()
        ),
        last(
            "preferred_experience_length",
            "experience_filter",
            "filter_value",
            Criteria(all=[Criterion.eq(said("experience_filter", "filter_type"), "duration")]),
        ),
        price("budget_conscious_count", "price-low", "budget", ["budget", "budget-friendly", "affordable"]),
        price("luxury_inclined_count", "price-high", "luxury", ["luxury", "high-end"]),
        last("latest_schedule", "schedule_update", "schedule"),
    ],
    owner="you@email.com",
)
SERVICE = Service(name="travel_service", attribute_groups=[GROUP], owner="you@email.com")


@pytest.fixture(autouse=True)
def published(signals: SignalsSandbox) -> None:
    signals.publish([GROUP, SERVICE])


def entities(tag: str | None) -> list[SelfDescribingJson]:
    """The content of a page, if it has any."""
    return [] if tag is None else [SelfDescribingJson(f"iglu:{TRAVEL}/content/jsonschema/1-0-0", {"primary_tag": tag})]


def look(tracker: Tracker, path: str, tag: str | None = None) -> None:
    tracker.track(PageView(f"https://travel.example{path}", context=entities(tag)))


def do(tracker: Tracker, event: str, tag: str | None = None, **data: str) -> None:
    said = SelfDescribingJson(f"iglu:{TRAVEL}/{event}/jsonschema/1-0-0", data)
    tracker.track(SelfDescribing(said, context=entities(tag)))


@pytest.fixture
def known(visitor: Visitor, profile: Any) -> Any:
    """Reads the session's attributes that have a value."""

    def read() -> dict[str, Any]:
        values = profile(SERVICE, visitor.domain_sessionid, key="domain_sessionid")
        assert list(values) == list(GROUP.column_names())
        return {name: value for name, value in values.items() if value is not None}

    return read


def test_pages_and_destinations_are_told_apart_by_their_path(tracker: Tracker, known: Any) -> None:
    for path in ("/", "/destinations", "/destinations/lisbon", "/top-destinations/", "/Destinations", "/blog"):
        look(tracker, path)
    # The query is no part of the path.
    look(tracker, "/search?in=destinations")
    assert known() == {"page_view_count": 7, "destination_page_view_count": 3}


def test_the_content_of_a_page_counts_for_every_taste_that_knows_its_tag(tracker: Tracker, known: Any) -> None:
    look(tracker, "/a", "food")
    look(tracker, "/b", "street food")
    look(tracker, "/c", "Food")
    assert known() == {
        "page_view_count": 3,
        "family_destination_count": 1,
        "family_fun": 1,
        "culinary_tourist": 2,
    }


def test_a_filter_counts_like_a_page(tracker: Tracker, known: Any) -> None:
    do(tracker, "filter_tag_applied", tag_name="temples")
    do(tracker, "filter_tag_applied", tag_name="Family")
    do(tracker, "filter_tag_applied", tag_name="traditional")
    assert known() == {"cultural_explorer": 2, "culinary_tourist": 1, "family_destination_count": 1}


def test_an_event_that_fulfils_two_criteria_counts_once(tracker: Tracker, known: Any) -> None:
    do(tracker, "filter_tag_applied", tag="mountains", tag_name="Family")
    do(tracker, "filter_tag_applied", tag="urban", tag_name="urban")
    assert known() == {
        "family_destination_count": 1,
        "tranquil_seeker": 1,
        "family_fun": 1,
        "modern_urbanite": 1,
        "culinary_tourist": 1,
    }


def test_three_kinds_of_events_speak_of_the_price(tracker: Tracker, known: Any) -> None:
    do(tracker, "sort_change", sort_option="price-low")
    do(tracker, "destination_filter", filter_value="budget")
    look(tracker, "/hostels", "affordable")
    do(tracker, "sort_change", sort_option="price-high")
    do(tracker, "sort_change", sort_option="name")
    # Another event that says the same is not asked for.
    do(tracker, "experience_filter", filter_value="budget", filter_type="price")
    assert known() == {"page_view_count": 1, "budget_conscious_count": 3, "luxury_inclined_count": 1}


def test_the_last_length_is_taken_of_filters_of_the_duration(tracker: Tracker, known: Any) -> None:
    do(tracker, "experience_filter", filter_type="duration", filter_value="half-day")
    do(tracker, "experience_filter", filter_type="duration", filter_value="weekend")
    do(tracker, "experience_filter", filter_type="difficulty", filter_value="easy")
    do(tracker, "schedule_update", schedule="Lisbon, then Porto")
    assert known() == {"preferred_experience_length": "weekend", "latest_schedule": "Lisbon, then Porto"}


def test_other_events_and_other_vendors_do_not_count(tracker: Tracker, known: Any) -> None:
    tracker.track(PagePing("https://travel.example/destinations", context=entities("food")))
    foreign = SelfDescribingJson("iglu:com.example/filter_tag_applied/jsonschema/1-0-0", {"tag_name": "food"})
    tracker.track(SelfDescribing(foreign))
    newer = SelfDescribingJson(f"iglu:{TRAVEL}/filter_tag_applied/jsonschema/2-0-0", {"tag_name": "food"})
    tracker.track(SelfDescribing(newer))
    assert known() == {}
