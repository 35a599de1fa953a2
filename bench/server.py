"""A whole server over HTTP: durable acknowledgement, freshness, and reads."""

import json
import os
import random
import threading
import time
import uuid
from pathlib import Path

import httpx

from bench.load import NEW_ID, Load, endless, http_request, load
from bench.row import Row, percentile, rate_row, spread
from snowmelt.demo.tutorial import ECOMMERCE, tutorial_group, tutorial_service
from snowmelt.testing import Server

TP2 = "/com.snowplowanalytics.snowplow/tp2"
READ = "/api/v1/get-online-attributes"
JSON = {"Content-Type": "application/json"}
TENS = "ten events a POST: HTTP to disk to profiles"
SECONDS, RUNS = 4.0, 3
FRESHNESS_SECONDS = 10.0
LONGEST = 60.0
"""Seconds to wait for the engine after a load."""


def run(folder: Path) -> list[Row]:
    """All rows, from a server in a folder."""
    syncs = syncs_per_second(folder)
    with Server(folder / "server") as server:
        server.signals.publish([tutorial_group(), tutorial_service()])
        rows = [Row("fsync of 4 KB on this disk", f"{syncs:,.0f} /s")]
        rows += acknowledgement(server, syncs)
        validated = end_to_end(server)
        rows += [rate_row(TENS, validated, "events", "", ">= 10,000 events/s")]
        rows += freshness(server.url, server.token)
        rows += reads(server.url, server.token)
    rows += unvalidated(folder / "unvalidated", validated)
    return rows


def acknowledgement(server: Server, syncs: float) -> list[Row]:
    """How fast single events are acknowledged when each is on the disk before it is."""
    url = server.url
    requests = [http_request("POST", url, TP2, payload(1), JSON) for _ in range(500)]
    ping = [http_request("GET", url, "/health")]
    pings = rates([load(url, ping, seconds=SECONDS) for _ in range(RUNS)])
    loads = [load(url, requests, seconds=SECONDS) for _ in range(RUNS)]
    server.flush(LONGEST)
    posts = rates(loads)
    slowest = percentile([latency for one in loads for latency in one.latencies], 99) * 1000
    return [
        rate_row("GET /health, 32 connections", pings, "requests"),
        rate_row(
            "POST of one event, acknowledged on disk, engine running",
            posts,
            "requests",
            f"{posts[1] / pings[1] * 100:.0f} % of /health; {posts[1] / syncs:.1f} a sync; p99 {slowest:.1f} ms",
            ">= 4,000 requests/s",
        ),
    ]


def end_to_end(server: Server) -> tuple[float, float, float]:
    """Events a second from HTTP to the profiles, ten a request, until the engine has applied the last one."""
    url = server.url
    requests = [http_request("POST", url, TP2, payload(10), JSON) for _ in range(200)]
    figures = []
    for _ in range(RUNS):
        before = metric(url, "snowmelt_engine_events_total")
        started = time.perf_counter()
        result = load(url, requests, seconds=SECONDS)
        server.flush(LONGEST)
        seconds = time.perf_counter() - started
        applied = metric(url, "snowmelt_engine_events_total") - before
        assert applied == result.requests * 10, "an acknowledged event was not applied"
        figures.append(applied / seconds)
    return spread(figures)


def unvalidated(folder: Path, validated: tuple[float, float, float]) -> list[Row]:
    """What the validation of every event and entity by its schema costs: the same by a server without it."""
    folder.mkdir()
    (folder / "snowmelt.toml").write_text("[schemas]\nvalidation = false\n")
    with Server(folder) as server:
        server.signals.publish([tutorial_group(), tutorial_service()])
        without = end_to_end(server)
    note = f"with validation it is {validated[1] / without[1] * 100:.0f} % of this"
    return [rate_row(f"{TENS}, without validation by schemas", without, "events", note)]


def freshness(url: str, token: str, rate: int = 1_000) -> list[Row]:
    """From just before the click's POST until a read shows it, while 1,000 events a second come in."""
    stop = threading.Event()
    background = threading.Thread(target=steady, args=(url, rate, stop))
    background.start()
    waited = []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url) as client:
        deadline = time.perf_counter() + FRESHNESS_SECONDS
        while time.perf_counter() < deadline:
            user = str(uuid.uuid4())
            body = {"service": "ecom_attributes", "attribute_keys": {"domain_userid": [user]}}
            click = next(endless([payload(1, user)]))
            started = time.perf_counter()
            client.post(TP2, content=click, headers=JSON).raise_for_status()
            while client.post(READ, json=body, headers=headers).json()["count_add_to_cart"] != [1]:
                pass
            waited.append((time.perf_counter() - started) * 1000)
    stop.set()
    background.join()
    median, slow = percentile(waited, 50), percentile(waited, 99)
    return [
        Row(
            f"click to readable attribute at {rate:,} events/s",
            f"p50 {median:.1f} ms, p99 {slow:.1f} ms",
            f"{min(waited):.1f} - {max(waited):.1f} ms",
            f"{len(waited)} clicks",
            "p50 <= 20 ms, p99 <= 100 ms",
        )
    ]


def steady(url: str, rate: int, stop: threading.Event) -> None:
    """Post events at a steady rate, five a request."""
    bodies = endless([payload(5) for _ in range(100)])
    pause = 5 / rate
    with httpx.Client(base_url=url) as client:
        following = time.perf_counter()
        while not stop.is_set():
            client.post(TP2, content=next(bodies), headers=JSON)
            following += pause
            if stop.wait(max(following - time.perf_counter(), 0)):
                return


def reads(url: str, token: str) -> list[Row]:
    """Online reads of one service for one user each."""
    headers = JSON | {"Authorization": f"Bearer {token}"}
    bodies = [
        json.dumps({"service": "ecom_attributes", "attribute_keys": {"domain_userid": [user]}}).encode()
        for user in USERS
    ]
    requests = [http_request("POST", url, READ, body, headers) for body in bodies]
    pings = rates([load(url, [http_request("GET", url, "/health")], seconds=SECONDS) for _ in range(RUNS)])
    loads = [load(url, requests, seconds=SECONDS) for _ in range(RUNS)]
    posts = rates(loads)
    slow = percentile([latency for one in loads for latency in one.latencies], 99) * 1000
    return [
        rate_row(
            "get-online-attributes, one web process, 32 connections",
            posts,
            "requests",
            f"{posts[1] / pings[1] * 100:.0f} % of /health; p99 {slow:.1f} ms",
            ">= 15,000 requests/s, p99 <= 5 ms",
        )
    ]


def rates(loads: list[Load]) -> tuple[float, float, float]:
    """Least, median, greatest rate; every request must have succeeded."""
    assert not any(one.failed for one in loads)
    return spread([one.rate for one in loads])


USERS = [str(uuid.UUID(int=number)) for number in range(1, 1_001)]  # 0 is NEW_ID


def payload(count: int, user: str | None = None) -> bytes:
    """A tracker's request body with some carts in it."""
    return json.dumps(
        {
            "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
            "data": [cart(user or random.choice(USERS)) for _ in range(count)],
        }
    ).encode()


def cart(user: str) -> dict[str, str]:
    """An `add_to_cart` as a browser sends it, about 1.3 KB, of an event id that is put in when it is sent."""
    action = {"schema": f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2", "data": {"type": "add_to_cart"}}
    product = {"id": "LMP-204", "category": "home/lighting", "price": 39.9, "currency": "EUR", "name": "Desk lamp"}
    page = {
        "schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0",
        "data": {"id": str(uuid.uuid4())},
    }
    entities = [{"schema": f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0", "data": product}, page]
    wrapper = "iglu:com.snowplowanalytics.snowplow/{}/jsonschema/1-0-0"
    now = str(time.time_ns() // 1_000_000)
    return {
        "e": "ue",
        "eid": NEW_ID,
        "tv": "js-4.6.8",
        "tna": "sp",
        "aid": "shop",
        "p": "web",
        "tz": "Europe/Berlin",
        "lang": "en-GB",
        "cs": "UTF-8",
        "res": "1920x1080",
        "cd": "24",
        "cookie": "1",
        "vp": "1440x812",
        "ds": "1440x2380",
        "vid": "3",
        "sid": str(uuid.uuid4()),
        "duid": user,
        "url": "https://shop.example/p/lmp-204?ref=list",
        "page": "Desk lamp",
        "refr": "https://shop.example/",
        "dtm": now,
        "stm": now,
        "ue_pr": json.dumps({"schema": wrapper.format("unstruct_event"), "data": action}),
        "co": json.dumps({"schema": wrapper.format("contexts"), "data": entities}),
    }


def syncs_per_second(folder: Path) -> float:
    """How often this disk syncs a 4 KB write."""
    path = folder / "sync"
    with path.open("wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(200):
            file.write(bytes(4096))
            os.fsync(file.fileno())
        seconds = time.perf_counter() - started
    path.unlink()
    return 200 / seconds


def metric(url: str, name: str) -> float:
    """The value of a metric without labels."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))
