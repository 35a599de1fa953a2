"""The vendor's trackers, every kind of event by every way of sending: what a server makes of them is all good."""

import json
import os
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import snowplow_tracker as vendor

from conftest import Server, eventually
from isolated_environment import node_packages
from pipeline_rows import events, messages
from snowmelt.enrichment.pipeline import Outcome
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.enricher import enricher_of
from snowmelt.settings import Settings
from snowmelt.stores.event_log import EventLog, Kind, decode_payload

pytestmark = pytest.mark.process

NODE = Path(__file__).parent / "node"
SHOP = "iglu:com.snowplowanalytics.snowplow.ecommerce"
Sent = list[tuple[str, str]]
"""Names and ids of events."""


def outcomes(server: Server) -> list[Outcome]:
    """What enrichment makes of everything in the server's log."""
    enricher = enricher_of(Settings())
    log = EventLog(DataDir(server.data_dir).log)
    found = [
        outcome
        for record in log.follow()
        if record.kind is Kind.PAYLOAD
        for outcome in enricher.enrich(decode_payload(record.body), 1_741_082_406_000)
    ]
    log.close()
    return found


def assert_all_good(server: Server, sent: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Everything that was sent is there once, by its name and id, and the engine has counted it."""
    assert len(set(sent)) == len(sent) > 0
    eventually(lambda: server.metric("snowmelt_engine_events_total") == len(sent), "the engine has counted all")
    found = outcomes(server)
    assert messages(found) == []
    received = events(found)
    assert sorted((event["event_name"], event["event_id"]) for event in received) == sorted(sent)
    return received


def test_the_tracker_for_node(server: Server) -> None:
    done = subprocess.run(
        ["node", str(NODE / "track.mjs")],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "COLLECTOR": server.url,
            "PACKAGES": str(node_packages(NODE)),
            "NO_PROXY": "127.0.0.1,localhost",
        },
    )
    assert done.returncode == 0, done.stderr
    sent = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    received = assert_all_good(server, sent)
    for event in received:
        assert len(event["contexts"]) == 2
        assert (event["domain_userid"], event["user_id"], event["domain_sessionidx"]) == ("visitor-1", "user-1", 3)
        assert event["dvce_screenwidth"] == 1920 and event["br_colordepth"] == "24"
    [page_view, *_] = [event for event in received if event["event_name"] == "page_view"]
    assert page_view["page_title"] == "Å ☃" and page_view["refr_medium"] == "search"


def python_events() -> list[Any]:
    """Every kind of event that the vendor's tracker for Python makes, with entities, each with an id."""
    lamp = {"id": "lampe-ø", "category": "lys", "price": 39.9, "currency": "NOK"}
    context = [vendor.SelfDescribingJson(f"{SHOP}/product/jsonschema/1-0-0", lamp)]
    action = vendor.SelfDescribingJson(f"{SHOP}/snowplow_ecommerce_action/jsonschema/1-0-2", {"type": "list_view"})
    screen = vendor.ScreenView(id_=str(uuid4()), name="home", context=context)
    return [
        vendor.PageView("https://shop.example/å?q={x}", "Å ☃", "https://www.google.com/", context=context),
        vendor.PagePing("https://shop.example/", "Home", min_x=0, max_x=7, min_y=1, max_y=9, context=context),
        vendor.StructuredEvent("shop", "buy", label="l", property_="p", value=12.5, context=context),
        vendor.SelfDescribing(action, context=context),
        screen,
    ]


def test_the_tracker_for_python(server: Server) -> None:
    names = ("page_view", "page_ping", "event", "snowplow_ecommerce_action", "screen_view")
    lost: list[Any] = []
    sent: Sent = []
    methods: list[Any] = ["post", "get"]
    for method, encoded in product(methods, [True, False]):
        emitter = vendor.Emitter(
            urlsplit(server.url).netloc,
            protocol="http",
            method=method,
            batch_size=2 if method == "post" else 1,
            on_failure=lambda count, unsent: lost.append((count, unsent)),
        )
        subject = vendor.Subject().set_platform("web").set_domain_user_id("visitor-1").set_user_id("user-1")
        subject.set_screen_resolution(1920, 1080).set_color_depth(24).set_lang("nb").set_timezone("Europe/Oslo")
        tracker = vendor.Tracker("python", emitter, subject=subject, app_id="shop", encode_base64=encoded)
        sent += [(name, tracker.track(event) or "") for name, event in zip(names, python_events(), strict=True)]
        tracker.flush()
    assert lost == []
    received = assert_all_good(server, sent)
    assert all(len(event["contexts"]) == 1 and event["user_id"] == "user-1" for event in received)
