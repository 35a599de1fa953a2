"""The main job with everything real: tracker, HTTP, disk, engine, API."""

import json
import random
import subprocess
import sys
import uuid
from collections import defaultdict
from math import fsum
from typing import Any

import pytest
from snowplow_tracker import Emitter, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker
from snowplow_tracker.events import PageView

pytestmark = pytest.mark.process

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
EVENTS, MALFORMED = 10_000, 50
TP2 = "/com.snowplowanalytics.snowplow/tp2"
ENVELOPE = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"


def malformed(number: int) -> tuple[bytes, str]:
    """A body that cannot become an event, and its content type."""
    minimal = {"e": "pv", "tv": "t", "p": "web"}
    bodies: list[tuple[Any, str]] = [
        (b"not json", "application/json"),
        (b"", "application/json"),
        (b'{"schema": "x"', "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": []}).encode(), "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": [minimal | {"unknown": "1"}]}).encode(), "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": [minimal | {"vid": "x"}]}).encode(), "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": [minimal | {"eid": "no"}]}).encode(), "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": [minimal | {"ue_pr": "{"}]}).encode(), "application/json"),
        (json.dumps({"schema": ENVELOPE, "data": [minimal]}).encode(), "text/plain"),
        (b"\xff\xfe\x00", "application/json"),
    ]
    return bodies[number % len(bodies)]


def test_ten_thousand_tracked_events_and_fifty_malformed_ones(server: Any, shop: Any) -> None:
    """Half of the events are of other types; every value equals a plain count of what the tracker sent."""
    rng = random.Random(7)
    users = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(200)]
    expected: dict[str, list[Any]] = defaultdict(lambda: [0, 0, []])
    failures: list[Any] = []
    emitter = Emitter(
        server.url.removeprefix("http://"),
        protocol="http",
        method="post",
        batch_size=50,
        on_failure=lambda count, unsent: failures.append((count, unsent)),
    )
    trackers = {}
    for user in users:
        subject = Subject()
        subject.set_domain_user_id(user)
        trackers[user] = Tracker("shop", emitter, subject=subject, app_id="shop", encode_base64=rng.random() < 0.5)
    bad_at = set(rng.sample(range(EVENTS), MALFORMED))
    sent_bad = 0
    for number in range(EVENTS):
        user = rng.choice(users)
        tracker = trackers[user]
        if number in bad_at:
            body, content_type = malformed(sent_bad)
            answer = shop.http.post(TP2, content=body, headers={"content-type": content_type})
            assert answer.status_code == 200
            sent_bad += 1
        if number % 2:
            tracker.track(
                PageView(page_url="https://shop.example/", page_title="Shop")
                if number % 4 == 1
                else StructuredEvent(category="shop", action="scroll", value=1.5)
            )
            continue
        kind = rng.choice(("product_view", "add_to_cart", "remove_from_cart", "list_view"))
        price = rng.randrange(1, 50_000) / 100
        product = {"id": "p", "category": "c", "price": price, "currency": "EUR"}
        tracker.track(
            SelfDescribing(
                SelfDescribingJson(f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2", {"type": kind}),
                context=[SelfDescribingJson(f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0", product)],
            )
        )
        row = expected[user]
        if kind == "product_view":
            row[0] += 1
        elif kind == "add_to_cart":
            row[1] += 1
            row[2].append(price)
    emitter.flush()
    assert not failures
    server.flush(60)

    for user, row in zip(users, shop.read(users), strict=True):
        views, carts, prices = expected[user]
        assert row == (views or None, carts or None, fsum(prices) if carts else None), user

    listed = subprocess.run(
        [
            sys.executable,
            "-m",
            "snowmelt",
            "failed",
            "list",
            "--json",
            "--limit",
            "1000",
            "--data-dir",
            server.data_dir,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    failed = [json.loads(line) for line in listed.stdout.splitlines()]
    assert len(failed) == MALFORMED
    assert all(entry["reason"] for entry in failed)
    assert {entry["category"] for entry in failed} == {"tracker_protocol_violations", "schema_violations"}
