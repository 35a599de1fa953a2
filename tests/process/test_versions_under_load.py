"""Versions are published, unpublished, republished and deleted while events come in: each counts exactly its own.

Each request holds an event of a user of its own and one of a user that all share. Whether a version counted the first
is known from when the request was sent and answered, but for the few that were on their way just when the version
changed; the shared user tells that even those counted wholly or not at all, and once.
"""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from conftest import Server, eventually
from process_shop import PAYLOAD_DATA, TP2, Shop

pytestmark = pytest.mark.process

SHARED = str(uuid.uuid4())


@dataclass(frozen=True)
class Sent:
    user: str
    started: float
    answered: float


class Traffic(threading.Thread):
    """Sends requests one after the other until told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._http = httpx.Client(base_url=url, timeout=30)
        self.stopping = threading.Event()
        self.sent: list[Sent] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            user = str(uuid.uuid4())
            events = [
                {"e": "pv", "p": "web", "tv": "t-1", "duid": one, "eid": str(uuid.uuid4())} for one in (user, SHARED)
            ]
            started = time.monotonic()
            self._http.post(TP2, json={"schema": PAYLOAD_DATA, "data": events}).raise_for_status()
            self.sent.append(Sent(user, started, time.monotonic()))
        self._http.close()


class Versions:
    """Changes versions of a group, and notes when each change was asked for and answered."""

    def __init__(self, shop: Shop, traffic: list[Traffic]) -> None:
        self._shop, self._traffic = shop, traffic
        self.changes: dict[int, list[tuple[float, float, bool]]] = {}

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        path = f"/api/v1/registry/attribute_groups{path}"
        answer = self._shop.http.request(method, path, json=body, headers=self._shop.auth)
        assert answer.status_code == status, answer.text
        return answer.json()

    def change(self, version: int, is_published: bool, method: str = "PUT") -> None:
        """Publish or unpublish, between two pieces of traffic."""
        body = group("seen", version) | {"is_published": is_published}
        path, status = ("/", 201) if method == "POST" else (f"/seen/versions/{version}", 200)
        asked = time.monotonic()
        self.call(method, path, body, status)
        self.changes.setdefault(version, []).append((asked, time.monotonic(), is_published))
        self.wait()

    def wait(self) -> None:
        """Let some more requests of every sender be answered."""
        before = [len(one.sent) for one in self._traffic]
        eventually(
            lambda: all(len(one.sent) > count + 10 for one, count in zip(self._traffic, before, strict=True)),
            "requests are answered",
        )

    def counted(self, version: int, request: Sent) -> bool | None:
        """Whether a version must have counted a request; ``None`` if it was on its way when the version changed."""
        published = False
        for asked, answered, is_published in self.changes[version]:
            if request.answered <= asked:
                break
            if request.started < answered:
                return None
            published = is_published
        return published


def group(name: str, version: int) -> dict[str, Any]:
    """A group of one counter of all events."""
    views = {"name": f"views_{version}", "type": "int32", "aggregation": "counter", "events": []}
    return {
        "name": name,
        "version": version,
        "owner": "a@example.com",
        "attribute_key": {"name": "domain_userid", "key": "domain_userid"},
        "attributes": [views],
    }


def read(shop: Shop, attribute: str, users: list[str]) -> list[Any]:
    """The values of one attribute (``group_vN:name``) of many users."""
    values: list[Any] = []
    for some in batches(users):
        body = {"attributes": [attribute], "attribute_keys": {"domain_userid": some}}
        answer = shop.http.post("/api/v1/get-online-attributes", json=body, headers=shop.auth)
        assert answer.status_code == 200, answer.text
        values += answer.json()[attribute.partition(":")[2]]
    return values


def batches(users: list[str]) -> list[list[str]]:
    return [users[at : at + 1000] for at in range(0, len(users), 1000)]


def test_each_version_counts_what_came_while_it_was_published(server: Server, shop: Shop) -> None:
    traffic = [Traffic(server.url) for _ in range(3)]
    versions = Versions(shop, traffic)
    versions.call("POST", "/", group("bystander", 1) | {"is_published": True}, 201)
    for sender in traffic:
        sender.start()
    try:
        versions.wait()
        versions.change(1, True, "POST")
        versions.change(2, True, "POST")  # side by side
        versions.change(1, False)
        versions.change(1, True)  # goes on where it was
        versions.change(2, False)
        versions.change(1, True)  # again: changes nothing
        versions.call("DELETE", "/seen/versions/1", status=409)
        versions.change(1, False)
        deleted = group("gone", 1)
        versions.call("POST", "/", deleted | {"is_published": True}, 201)
        versions.wait()
        versions.call("PUT", "/gone/versions/1", deleted | {"is_published": False})
        versions.call("DELETE", "/gone/versions/1")
        asked = time.monotonic()
        versions.call("POST", "/", deleted | {"is_published": True}, 201)  # begins anew
        recreated = time.monotonic()
        versions.wait()
    finally:
        for sender in traffic:
            sender.stopping.set()
        for sender in traffic:
            sender.join()
    server.flush()

    sent = [request for sender in traffic for request in sender.sent]
    users = [request.user for request in sent]
    assert len(sent) > 300
    assert read(shop, "bystander_v1:views_1", users) == [1] * len(users)
    assert read(shop, "bystander_v1:views_1", [SHARED]) == [len(sent)]
    for version in (1, 2):
        name = f"seen_v{version}:views_{version}"
        values = read(shop, name, users)
        assert set(values) == {1, None}
        for request, value in zip(sent, values, strict=True):
            expected = versions.counted(version, request)
            assert expected is None or value == (1 if expected else None)
        assert read(shop, name, [SHARED]) == [values.count(1)]
    again = read(shop, "gone_v1:views_1", users)
    for request, value in zip(sent, again, strict=True):
        if request.started > recreated:
            assert value == 1
        elif request.answered <= asked:
            assert value is None, "what was deleted is gone"
    assert read(shop, "gone_v1:views_1", [SHARED]) == [again.count(1)]
