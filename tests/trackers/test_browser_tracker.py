"""The vendor's tracker for browsers, with plugins, in Chromium: every event of a visit arrives, valid and complete."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from chromium import launched
from conftest import Server, eventually
from isolated_environment import node_packages
from snowmelt.demo.page import PageServer

pytestmark = pytest.mark.process

SOURCES = Path(__file__).parent / "browser"
SETTINGS = """
[schemas]
on_unresolved_schema = "reject"
[micro]
enabled = true
"""
VERSION = json.loads((SOURCES / "package.json").read_text())["dependencies"]["@snowplow/browser-tracker"]
NOBODY = "00000000-0000-0000-0000-000000000000"
WEB_PAGE = "contexts_com_snowplowanalytics_snowplow_web_page_1"
BROWSER = "contexts_com_snowplowanalytics_snowplow_browser_context_2"
SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1"
NAVIGATION = "contexts_org_w3_performance_navigation_timing_1"
SHOP = "contexts_com_snowplowanalytics_snowplow_ecommerce"
ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
PLAIN = "unstruct_event_com_snowplowanalytics_snowplow"
ACTIONS = {
    "product_view": {"product": 1},
    "list_view": {"product": 2},
    "list_click": {"product": 1},
    "promo_view": {"promotion": 1},
    "promo_click": {"promotion": 1},
    "add_to_cart": {"product": 1, "cart": 1},
    "remove_from_cart": {"product": 1, "cart": 1},
    "checkout_step": {"checkout_step": 1},
    "transaction": {"product": 1, "transaction": 1},
    "trns_error": {"transaction": 1, "transaction_error": 1},
    "refund": {"product": 1, "refund": 1},
}
"""Type of each ecommerce action -> how many entities of which name come with it."""
OTHERS = {"page_view": 1, "link_click": 1, "focus_form": 3, "change_form": 2, "submit_form": 1, "web_vitals": 1}
"""Name of every other event but page pings -> how often it is made."""


# Playwright keeps an event loop in the thread while it runs: it must end before tests of other modules begin.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes no event whose data is not valid by a schema."""
    server = Server(tmp_path_factory.mktemp("browser") / "data", settings=SETTINGS)
    yield server
    server.close()


@pytest.fixture(scope="module")
def page_url(collector: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is, on another port than the collector."""
    packages = node_packages(SOURCES).parent / "node_modules"
    folder = tmp_path_factory.mktemp("page")
    for name in ("index.html", "left.html"):
        shutil.copy(SOURCES / name, folder)
    bundle = [packages / ".bin" / "esbuild", SOURCES / "page.js", "--bundle", f"--outfile={folder / 'page.js'}"]
    done = subprocess.run(
        [*bundle, "--target=es2022", "--log-level=warning"],
        env={**os.environ, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        yield stack.enter_context(PageServer(folder, {"server": collector.url})).url


class Visit:
    """A browser without a past that opens the page, and what its tracker has handed on."""

    def __init__(self, browser: Browser, collector: Server, page_url: str, app_id: str, **tracker: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1200, "height": 700}, locale="nb-NO", timezone_id="Europe/Oslo"
        )
        self.page: Page = self.context.new_page()
        self.collector, self.app_id = collector, app_id
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("request", self._sent)
        options = json.dumps({"collector": collector.url, "tracker": {"appId": app_id, **tracker}})
        self.url = f"{page_url}index.html?utm_source=news&options={quote(options)}"
        self.page.goto(self.url)

    def _sent(self, request: Request) -> None:
        if request.url.startswith(self.collector.url):
            self.requests.append(request)

    def tracked(self) -> list[tuple[str, str]]:
        """Id and kind of all events that the tracker made."""
        found = json.loads(self.page.evaluate("sessionStorage.getItem('sent')") or "[]")
        return [(event_id, kind) for event_id, kind in found]

    def good(self) -> list[dict[str, Any]]:
        """The events of this visit that the server found good, in the order in which they were made."""
        answer = httpx.get(f"{self.collector.url}/micro/good", params={"app_id": self.app_id})
        found: list[dict[str, Any]] = [one["event"] for one in answer.json()]
        return sorted(found, key=lambda event: event[SESSION][0]["eventIndex"])

    def bad(self) -> list[Any]:
        """What the server says of its failed events."""
        answer = httpx.get(f"{self.collector.url}/micro/bad", params={"app_id": self.app_id})
        return [one["errors"] for one in answer.json()]

    def arrived(self) -> int:
        return len(self.good()) + len(self.bad())

    def do_everything(self) -> None:
        """Whatever a visitor does, up to leaving the page."""
        page = self.page
        page.get_by_role("link", name="More").click()
        page.get_by_label("Name").fill("Åse")
        page.get_by_label("Often").focus()
        page.get_by_label("Often").select_option("daily")
        page.get_by_label("Password").focus()
        page.get_by_role("button", name="Subscribe").click()
        page.evaluate("shopEverything()")

        def pinged() -> bool:
            page.mouse.wheel(0, 50)
            return "pp" in dict(self.tracked()).values()

        eventually(pinged, "whoever scrolls is still there")
        # One at a time is on its way: what is made when the page is left must not wait for another.
        page.evaluate("stopPinging()")
        eventually(lambda: self.arrived() == len(self.tracked()), "everything has arrived so far")
        page.goto(urlsplit(self.url)._replace(path="/left.html", query="").geturl())

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


TRACKERS: dict[str, dict[str, Any]] = {
    "post": {"eventMethod": "post", "keepalive": True},
    "get": {"eventMethod": "get", "keepalive": True},
    "anonymous": {
        "eventMethod": "post",
        "keepalive": True,
        "anonymousTracking": {"withServerAnonymisation": True, "withSessionTracking": True},
    },
}


@pytest.mark.parametrize("how", TRACKERS)
def test_every_event_of_a_visit_arrives_valid_and_complete(
    browser: Browser, collector: Server, page_url: str, how: str
) -> None:
    visit = Visit(browser, collector, page_url, how, **TRACKERS[how])
    visit.do_everything()
    sent = [event_id for event_id, _ in visit.tracked()]
    cookies = {cookie["name"]: cookie["value"] for cookie in visit.context.cookies()}
    visit.close()
    # The page that was left has sent its last events while it went; nothing sends them later.
    eventually(lambda: visit.arrived() >= len(sent), "what was tracked has arrived")
    assert visit.bad() == []
    collector.flush()
    assert collector.metrics_by("snowmelt_failed_events_total", "category") == {}, "the engine says so, too"
    events = visit.good()
    assert sorted(event["event_id"] for event in events) == sorted(sent), "each once"
    assert_every_kind(events)
    assert_entities(events)
    assert_columns(events, visit)
    methods = {request.method for request in visit.requests if request.method != "OPTIONS"}
    assert methods == {"GET" if how == "get" else "POST"}
    if how == "anonymous":
        assert_nobody(events, cookies, visit)
    else:
        assert_somebody(events, cookies)


def assert_every_kind(events: list[dict[str, Any]]) -> None:
    names = Counter(event["event_name"] for event in events)
    assert names.pop("page_ping") >= 1
    assert names.pop("snowplow_ecommerce_action") == len(ACTIONS)
    assert names == OTHERS
    by_name = {event["event_name"]: event for event in events}
    link = by_name["link_click"][f"{PLAIN}_link_click_1"]
    assert (link["elementId"], link["elementClasses"], link["elementContent"]) == ("more", ["plain", "wide"], "More")
    assert link["targetUrl"].endswith("#more")
    changes = [event[f"{PLAIN}_change_form_1"] for event in events if event["event_name"] == "change_form"]
    assert [(one["elementId"], one["nodeName"], one["value"]) for one in changes] == [
        ("name", "INPUT", "Åse"),
        ("often", "SELECT", "daily"),
    ]
    submitted = by_name["submit_form"][f"{PLAIN}_submit_form_1"]
    assert (submitted["formId"], submitted["formClasses"]) == ("newsletter", ["short"])
    assert {one["name"]: one["value"] for one in submitted["elements"]} == {"name": "Åse", "often": "daily"}
    focused = [event[f"{PLAIN}_focus_form_1"] for event in events if event["event_name"] == "focus_form"]
    before = [(one["elementId"], one["value"]) for one in focused]
    assert before == [("name", "Å"), ("often", "never"), ("secret", None)]
    vitals = by_name["web_vitals"][f"{PLAIN}_web_vitals_1"]
    assert vitals["navigationType"] == "navigate"
    assert vitals["fcp"] > 0 and vitals["ttfb"] > 0 and vitals["lcp"] >= vitals["fcp"] and vitals["cls"] >= 0
    ping = by_name["page_ping"]
    # The tracker leaves out what is 0.
    assert ping["pp_yoffset_max"] > ping.get("pp_yoffset_min", 0)


def assert_entities(events: list[dict[str, Any]]) -> None:
    """What the tracker attaches to every event, and the ecommerce plugin to its own."""
    pages, tabs = set(), set()
    for index, event in enumerate(events, 1):
        (web_page,) = event[WEB_PAGE]
        (browser,) = event[BROWSER]
        (session,) = event[SESSION]
        (navigation,) = event[NAVIGATION]
        pages.add(web_page["id"])
        tabs.add(browser["tabId"])
        assert (browser["viewport"], browser["browserLanguage"]) == ("1200x700", "nb-NO")
        assert (session["eventIndex"], session["sessionIndex"]) == (index, 1)
        assert session["sessionId"] == event["domain_sessionid"]
        assert navigation["type"] == "navigate" and navigation["entryType"] == "navigation"
    assert len(pages) == len(tabs) == 1
    actions = {event[ACTION]["type"]: event for event in events if ACTION in event}
    assert actions.keys() == ACTIONS.keys()
    for kind, wanted in ACTIONS.items():
        entities = {
            name.removeprefix(f"{SHOP}_").rpartition("_")[0]: len(items)
            for name, items in actions[kind].items()
            if name.startswith(f"{SHOP}_")
        }
        assert entities == wanted | {"page": 1, "user": 1}, kind
    (lamp,) = actions["add_to_cart"][f"{SHOP}_product_1"]
    assert (lamp["id"], lamp["price"], lamp["quantity"]) == ("lampe-ø", 39.9, 2)


def assert_columns(events: list[dict[str, Any]], visit: Visit) -> None:
    for event in events:
        assert event["page_url"].partition("#")[0] == visit.url
        assert (event["page_urlhost"], event["page_urlpath"]) == ("127.0.0.1", "/index.html")
        assert event["page_urlport"] == urlsplit(visit.url).port
        assert event["mkt_source"] == "news"
        assert event.get("page_title") == ("Å ☃" if event["event"] in ("page_view", "page_ping") else None)
        assert (event["app_id"], event["platform"], event["name_tracker"]) == (visit.app_id, "web", "page")
        assert event["v_tracker"] == f"js-{VERSION}"
        assert (event["br_viewwidth"], event["br_viewheight"], event["doc_charset"]) == (1200, 700, "UTF-8")
        assert event["doc_height"] > 3 * event["br_viewheight"] - 1
        assert (event["br_lang"], event["os_timezone"]) == ("nb-NO", "Europe/Oslo")
        assert "Chrome/" in event["useragent"]
        assert event["dvce_created_tstamp"] <= event["dvce_sent_tstamp"] <= event["collector_tstamp"]
        assert event["domain_sessionidx"] == 1
    assert len({event["domain_sessionid"] for event in events}) == 1


def assert_somebody(events: list[dict[str, Any]], cookies: dict[str, str]) -> None:
    [tracked] = [value for name, value in cookies.items() if name.startswith("_sp_id.")]
    for event in events:
        assert event["domain_userid"] == tracked.split(".")[0]
        assert event["network_userid"] == cookies["sp"]
        assert (event["user_id"], event["user_ipaddress"]) == ("user-1", "127.0.0.1")
        assert event[SESSION][0]["userId"] == event["domain_userid"]


def assert_nobody(events: list[dict[str, Any]], cookies: dict[str, str], visit: Visit) -> None:
    assert cookies.get("sp") is None
    for event in events:
        assert "domain_userid" not in event and "user_id" not in event
        assert (event["network_userid"], event["user_ipaddress"]) == (NOBODY, "unknown")
        assert event[SESSION][0]["userId"] == NOBODY
    posts = [request for request in visit.requests if request.method == "POST"]
    assert posts and all(request.headers["sp-anonymous"] == "*" for request in posts)
