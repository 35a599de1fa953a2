"""What a server gets in the long run: events of several trackers, subscribers, webhooks, changes of definitions."""

import json
import random
import select
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bench.load import NEW_ID, http_request
from bench.server import JSON, TP2, cart

from faults.offered import PAYLOAD_DATA, Template
from process_shop import Shop, shop_event
from receiver import Receiver
from snowmelt import Attribute, Event, StreamAttributeGroup, domain_sessionid

CARTS = 0.005
"""The part of the events that make an intervention fire."""
WRONG = 0.01
"""The part of the events that become failed events."""
SUBSCRIBED = 50
"""Users who have a stream of interventions open, of all that there are; with everything that they put into a cart an
intervention fires."""
NEW_SESSIONS = 0.1
"""The part of the events that belong to a session that never comes again."""
RULE = {
    "name": "every_cart",
    "version": 1,
    "owner": "user@company.com",
    "is_published": True,
    "target_attribute_keys": [{"name": "domain_userid"}],
    "criteria": {"attribute": "ecom_attributes:count_add_to_cart", "operator": "changed"},
}


def visits(period: float) -> StreamAttributeGroup:
    """What is known of a session, none of it for longer than a period in seconds."""
    return StreamAttributeGroup(
        name="visits",
        version=1,
        attribute_key=domain_sessionid,
        owner="user@company.com",
        attributes=[
            Attribute(
                name="events_lately",
                type="int32",
                aggregation="counter",
                events=[Event(name="snowplow_ecommerce_action"), Event(name="page_view")],
                period=timedelta(seconds=period),
            )
        ],
    )


def several_trackers(url: str, users: list[str], number: int = 400) -> list[Template]:
    """Requests as a browser, a pixel, a server's tracker and a webhook send them."""
    sessions = [str(uuid.uuid4()) for _ in users]
    return [_request(url, users, sessions, random.random()) for _ in range(number)]


def _request(url: str, users: list[str], sessions: list[str], kind: float) -> Template:
    counted = Counter[str]()
    if kind < 0.02:
        facts = {"schema": "iglu:com.acme/ping/jsonschema/1-0-0", "host": random.choice(users)}
        request = http_request("GET", url, f"/com.snowplowanalytics.iglu/v1?{urlencode(facts)}")
    elif kind < 0.1:
        facts = _view(random.choice(users), sessions) | {"url": "https://shop.example/"}
        request = http_request("GET", url, f"/i?{urlencode(facts, quote_via=quote)}")
    else:
        events = [_event(users, sessions, counted) for _ in range(random.choice((1, 2, 5, 10, 20)))]
        body = json.dumps({"schema": PAYLOAD_DATA, "data": events}).encode()
        request = http_request("POST", url, TP2, body, JSON)
    return Template(request.split(NEW_ID.encode()), counted)


def _view(user: str, sessions: list[str]) -> dict[str, str]:
    session = NEW_ID if random.random() < NEW_SESSIONS else random.choice(sessions)
    return {"e": "pv", "p": "srv", "tv": "py-1.1.0", "duid": user, "sid": session, "eid": NEW_ID}


def _event(users: list[str], sessions: list[str], counted: Counter[str]) -> dict[str, Any]:
    kind, user = random.random(), random.choice(users)
    if kind < WRONG:
        return _view(user, sessions) | {"e": "ue", "ue_pr": "{no JSON"}
    if kind < WRONG + CARTS:
        return cart(random.choice(users[:SUBSCRIBED]))
    if kind < 0.3:
        return _view(user, sessions)
    counted[user] += 1
    return shop_event(user, "product_view") | {"eid": NEW_ID, "sid": _view(user, sessions)["sid"]}


class Subscribers:
    """Open streams of interventions, some of which hang up now and then and come back.

    Args:
        url: of the server.
        users: the first of whom have a stream each.
    """

    def __init__(self, url: str, users: list[str]) -> None:
        self._place, self._users = urlsplit(url), users[:SUBSCRIBED]
        self._streams = [self._open(user) for user in self._users]
        self.received = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _open(self, user: str) -> socket.socket:
        stream = socket.create_connection((self._place.hostname, self._place.port), timeout=60)
        path = f"/api/v1/interventions?domain_userid={user}"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\n\r\n".encode())
        return stream

    def _run(self) -> None:
        turn = time.monotonic()
        while not self._stop.is_set():
            for stream in select.select(self._streams, [], [], 0.2)[0]:
                data = stream.recv(65_536)
                assert data, "the server has hung up"
                self.received += data.count(b"every_cart")
            if time.monotonic() - turn > 1:
                turn, number = time.monotonic(), random.randrange(len(self._streams))
                self._streams[number].close()
                self._streams[number] = self._open(self._users[number])
        for stream in self._streams:
            stream.close()

    def close(self) -> None:
        """Hang up all of them."""
        self._stop.set()
        self._thread.join()


def add_webhook(folder: Path, receiver: Receiver) -> None:
    """Have a server post what fires, and tell the receiver with which secret."""
    command = [sys.executable, "-m", "snowmelt", "webhook", "add", "crm", receiver.url, "--data-dir", "."]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    receiver.secret = next(line.split()[1] for line in text.splitlines() if line.startswith("secret"))


def change_definitions(shop: Shop, number: int) -> None:
    """Publish a group of its own, then take it away, as often as this is called."""
    base, name = "/api/v1/registry/attribute_groups", f"passing_{number}"
    views = {"name": "views", "type": "int32", "aggregation": "counter", "events": [{"name": "page_view"}]}
    body = {
        "name": name,
        "version": 1,
        "owner": "user@company.com",
        "is_published": True,
        "attribute_key": {"name": "domain_userid"},
        "attributes": [views],
    }
    for method, path, sent in (
        ("POST", f"{base}/", body),
        ("PUT", f"{base}/{name}/versions/1", body | {"is_published": False}),
        ("DELETE", f"{base}/{name}/versions/1", None),
    ):
        shop.http.request(method, path, json=sent, headers=shop.auth).raise_for_status()
