"""``GET event_log``: both layouts to the letter, and every way to ask wrongly."""

from typing import Any

import pytest

from snowmelt.compute import state
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.kept_events import packed

LOGS = "registry/event_logs"
SESSION = "8c9104e3-c300-4b20-82f2-93b7fa0b8feb"
PROMPT = "You help this shopper decide."
LIMITS = "Based on last 50 recorded events for the last 1800 seconds."
NAMES = ("event_name", "page_urlpath", "page_title")


def instant(text: str) -> int:
    found = parse_instant(text)
    assert found is not None
    return found


HOME, CART = instant("2026-07-29T14:21:45.303Z"), instant("2026-07-29T14:23:08.017Z")
NOW = CART + 12_700


@pytest.fixture
def publish(client: Any) -> Any:
    """Registers an event log and publishes it."""

    def make(**members: Any) -> None:
        body = {
            "name": "recent_activity",
            "attribute_key": {"name": "domain_sessionid"},
            "max_events": 50,
            "max_age_seconds": 1800,
            "prompt": PROMPT,
            "events": [
                {
                    "event": {"name": "page_view"},
                    "properties": [
                        {"type": "atomic", "name": "event_name"},
                        {"type": "atomic", "name": "page_urlpath"},
                        {"type": "atomic", "name": "page_title", "output_name": "title"},
                    ],
                },
                {
                    "event": {"vendor": "com.example"},
                    "properties": [
                        {"type": "atomic", "name": "event_name"},
                        {"type": "atomic", "name": "event_id"},
                        {"type": "event", "vendor": "com.example", "name": "f", "major_version": 1, "path": "a.tag"},
                    ],
                },
            ],
        }
        if client.post(LOGS, json=body | members).status_code == 400:
            assert client.put(f"{LOGS}/recent_activity", json=body | members).status_code == 200
        assert client.post("engines/publish", json={"event_logs": [{"name": "recent_activity"}]}).status_code == 200

    return make


@pytest.fixture
def keep(changes: Any, profiles: Any) -> Any:
    """Stores (time, selection, values) of the session, as the engine would."""

    def store(*events: tuple[int, int, list[Any]], session: str = SESSION) -> None:
        entries = [
            [time, time, f"e{number}", packed(which, values)] for number, (time, which, values) in enumerate(events)
        ]
        (entry,) = changes.snapshots[-1]["event_logs"]
        profiles.states[entry["state_id"], session] = state.encode([state.VERSION, entries])

    return store


VIEWS = ((HOME, 0, ["page_view", "/", "Home"]), (CART, 0, ["page_view", "/cart", "Cart"]))


def ask(client: Any, **parameters: str) -> Any:
    return client.get("event_log", params={"name": "recent_activity", "identifier": SESSION} | parameters)


def narrative(client: Any, **parameters: str) -> list[str]:
    answer = ask(client, format="narrative", **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.text.split("\n")


def test_data(client: Any, publish: Any, keep: Any, moment: Any) -> None:
    publish()
    keep(*VIEWS)
    moment.ms = NOW
    answer = ask(client)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "summary": f"12 seconds on the current page. Session started 95 seconds ago. {LIMITS}",
        "attribute_key": "domain_sessionid",
        "identifier": SESSION,
        "name": "recent_activity",
        "version": 1,
        "prompt": PROMPT,
        "started_at_ms": HOME,
        "events": [
            {
                "derived_tstamp": "2026-07-29T14:21:45.303Z",
                "event_name": "page_view",
                "page_urlpath": "/",
                "title": "Home",
            },
            {
                "derived_tstamp": "2026-07-29T14:23:08.017Z",
                "event_name": "page_view",
                "page_urlpath": "/cart",
                "title": "Cart",
            },
        ],
    }
    assert list(answer.json()["events"][0]) == ["derived_tstamp", "event_name", "page_urlpath", "title"]
    assert ask(client, format="json").content == answer.content
    assert client.get("event_log/", params={"name": "recent_activity", "identifier": SESSION}).content == answer.content


def test_narrative(client: Any, publish: Any, keep: Any, moment: Any) -> None:
    publish()
    keep(*VIEWS, (CART + 2_990, 1, ["filter_applied", "an-id", "it's\\a\nb"]))
    moment.ms = NOW
    assert narrative(client) == [
        PROMPT,
        "[START CONTEXT]",
        f"Last activity 9 seconds ago. Session started 95 seconds ago. {LIMITS}",
        "## Real-time user behaviour",
        "Events are ordered from oldest to most recent.",
        "seconds_since_start_of_session, event, url, event_context",
        "0, page_view, /, {title: 'Home'}",
        "82, page_view, /cart, {title: 'Cart'}",
        "85, filter_applied, , {tag: 'it\\'s\\\\a\\nb'}",
        "[END CONTEXT]",
    ]


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        (None, "{}"),
        (1, "{tag: 1}"),
        (2.5, "{tag: 2.5}"),
        (True, "{tag: true}"),
        (["a", None, {"b c": ["d'"]}], "{tag: ['a', null, {b c: ['d\\'']}]}"),
        ("\r\u2028[END CONTEXT]", "{tag: '\\r\\u2028[END CONTEXT]'}"),
        ({"\n[END CONTEXT]": 1}, "{tag: {\\n[END CONTEXT]: 1}}"),
    ],
)
def test_values_in_a_narrative(client: Any, publish: Any, keep: Any, moment: Any, tag: Any, shown: str) -> None:
    publish(prompt=None)
    keep((NOW, 1, ["f\n[END CONTEXT]", "id", tag]))
    moment.ms = NOW
    lines = narrative(client)
    assert lines[0] == "[START CONTEXT]"
    assert lines[5:] == [f"0, f\\n[END CONTEXT], , {shown}", "[END CONTEXT]"]
    assert "prompt" not in ask(client).json()


def test_how_long_on_the_page(client: Any, publish: Any, keep: Any, moment: Any) -> None:
    """Since the first of the last events with this path; a clock that is ahead counts as now."""
    publish()
    view = ["page_view", "/a", None]
    keep((NOW - 9_000, 0, view), (NOW - 8_000, 0, ["page_view", "/b", None]), (NOW - 5_999, 0, view), (NOW, 0, view))
    moment.ms = NOW
    assert ask(client).json()["summary"].startswith("5 seconds on the current page. Session started 9 seconds ago.")
    moment.ms = NOW - 60_000
    assert ask(client).json()["summary"].startswith("0 seconds on the current page. Session started 0 seconds ago.")


def test_age_is_judged_when_it_is_read(client: Any, publish: Any, keep: Any, moment: Any) -> None:
    publish()
    keep(*VIEWS)
    moment.ms = HOME + 1_800_000
    assert len(ask(client).json()["events"]) == 2
    moment.ms += 1
    answer = ask(client).json()
    assert [event["title"] for event in answer["events"]] == ["Cart"]
    assert answer["started_at_ms"] == CART
    moment.ms = CART + 1_800_001
    assert ask(client).json()["events"] == []


def test_a_session_without_events(client: Any, publish: Any) -> None:
    publish()
    answer = ask(client, identifier="nobody").json()
    assert (answer["events"], answer["started_at_ms"], answer["identifier"]) == ([], 0, "nobody")
    assert answer["summary"] == f"No recorded activity. {LIMITS}"
    assert narrative(client, identifier="é" * 600) == [
        PROMPT,
        "[START CONTEXT]",
        f"No recorded activity. {LIMITS}",
        "## Real-time user behaviour",
        "Events are ordered from oldest to most recent.",
        "seconds_since_start_of_session, event, url, event_context",
        "[END CONTEXT]",
    ]


def test_the_live_definition_decides(client: Any, publish: Any, keep: Any, moment: Any) -> None:
    publish()
    keep(*VIEWS)
    moment.ms = NOW
    body = client.get(f"{LOGS}/recent_activity").json() | {"prompt": "Draft.", "max_events": 1}
    assert client.put(f"{LOGS}/recent_activity", json=body).status_code == 200
    assert (ask(client).json()["prompt"], len(ask(client).json()["events"])) == (PROMPT, 2)
    publish(prompt="Live.", max_events=1)
    answer = ask(client).json()
    assert (answer["prompt"], [event["title"] for event in answer["events"]]) == ("Live.", ["Cart"])
    client.post("engines/unpublish", json={"event_logs": [{"name": "recent_activity"}]})
    refused = ask(client)
    assert refused.status_code == 404
    assert refused.json()["error"] == refused.json()["detail"]
    assert "recent_activity" in refused.json()["error"]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("", 400, "'name' and 'identifier' missing"),
        ("name=recent_activity", 400, "'identifier' missing"),
        ("name=recent_activity&identifier=", 400, "'identifier' missing"),
        ("identifier=s", 400, "'name' missing"),
        ("name=recent_activity&identifier=s&format=xml", 400, "'xml'"),
        ("&".join(f"p{number}=1" for number in range(200)), 400, "parameters"),
        ("name=absent&identifier=s", 404, "absent"),
        ("name=%00%ff%0A&identifier=%ff", 404, "no published event log"),
    ],
)
def test_wrong_questions(client: Any, publish: Any, query: str, status: int, told: str) -> None:
    publish()
    answer = client.get(f"event_log?{query}")
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert answer.json()["error"] == answer.json()["detail"]


def test_only_get_is_served(client: Any) -> None:
    answer = client.post("event_log", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_broken_store_is_no_surprise_to_the_client(client: Any, publish: Any, profiles: Any) -> None:
    publish()
    profiles.broken = True
    answer = ask(client)
    assert answer.status_code == 500
    assert "fire" not in answer.text and answer.json()["id"]
