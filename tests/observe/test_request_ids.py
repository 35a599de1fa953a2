"""One id for a request: in its answer, in every line that is logged of it, and beside what became of its events."""

import json
import sqlite3
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from conftest import Server, eventually
from figures import COUNTS
from process_shop import TP2, Shop, shop_event
from snowmelt.runtimes.event_lines import LINES_A_SECOND, EventLines
from snowmelt.stores.failed_events import FailedEvents

process = pytest.mark.process

PATHS = (
    "/health",
    "/metrics",
    "/i?e=pv",
    "/api/v1/registry/services/",
    "/docs/",
    "/nothing/at/all",
    "/mcp",
    "/micro/all",
)


def lines(server: Server, event: str) -> list[dict[str, Any]]:
    """What the server logged of a kind."""
    rows = [json.loads(line) for line in server.log_file.read_text().splitlines() if line.startswith("{")]
    return [row for row in rows if row["event"] == event]


@process
def test_a_request_keeps_its_id_or_gets_one(running: Server) -> None:
    own = str(uuid4())
    with httpx.Client(base_url=running.url) as client:
        for path in PATHS:
            answers = [
                client.get(path, headers={"X-Request-ID": given}) for given in (own, own, "ann@example.com", "x")
            ]
            told = [answer.headers.get_list("x-request-id") for answer in answers] + [
                client.get(path).headers.get_list("x-request-id")
            ]
            assert told[:2] == [[own], [own]]
            made = [one for (one,) in told[2:]]
            assert len(set(made)) == 3 and all(len(one) == 32 and int(one, 16) for one in made)
            COUNTS["requests with an id"] += len(told)


@process
def test_what_is_logged_of_a_request_carries_its_id(running: Server) -> None:
    own = str(uuid4())
    auth = {"Authorization": f"Bearer {running.token}"}
    with closing(sqlite3.connect(running.data_dir / "registry.sqlite")) as registry:
        registry.execute("ALTER TABLE services RENAME TO lost")
    with httpx.Client(base_url=running.url, headers=auth) as client:
        broken = client.get("/api/v1/registry/services/", headers={"X-Request-ID": own})
        other = client.get("/api/v1/registry/services/")
    with closing(sqlite3.connect(running.data_dir / "registry.sqlite")) as registry:
        registry.execute("ALTER TABLE lost RENAME TO services")
    assert broken.status_code == other.status_code == 500
    [first, second] = lines(running, "request_failed")
    assert first["request_id"] == broken.headers["x-request-id"] == own
    assert second["request_id"] == other.headers["x-request-id"] != own
    assert [first["id"], second["id"]] == [broken.json()["id"], other.json()["id"]]


@process
def test_events_that_fail_or_fire_are_logged_by_their_ids(running: Server, traced: Shop) -> None:
    visitor, own = str(uuid4()), str(uuid4())
    fires = shop_event(visitor, "add_to_cart", 5.0)
    fails = shop_event(visitor, "add_to_cart", 5.0) | {"ue_pr": '{"schema": "of no use", "data": "ann@example.com"}'}
    body = {"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [fires, fails]}
    traced.http.post(TP2, json=body, headers={"X-Request-ID": own}).raise_for_status()
    running.flush()

    def told() -> list[dict[str, Any]]:
        found = [*lines(running, "event failed"), *lines(running, "intervention fired")]
        return [row for row in found if row.get("event_id") in (fails["eid"], fires["eid"])]

    eventually(lambda: len(told()) == 2, "both are logged")
    [failed, fired] = told()
    assert (failed["request_id"], failed["event_id"]) == (own, fails["eid"])
    with closing(FailedEvents(running.data_dir / "failed.sqlite")) as store:
        kept = store.get(*map(int, failed["failed_event"].split()))
    assert kept is not None and kept.category == failed["category"]
    assert (fired["event_id"], fired["intervention"]) == (fires["eid"], "cart_v1") and fired["intervention_id"]
    log = running.log_file.read_text()
    assert [word for word in (visitor, "ann@example.com", "127.0.0.1") if word in log.partition("ready at")[0]] == []


def test_lines_of_events_are_bounded_and_what_is_left_out_is_counted() -> None:
    seconds = [0.0]
    told = EventLines(lambda: seconds[0])
    with capture_logs() as rows:
        for number in range(100):
            told.expect("event failed", failed_event=f"{number} 0", event_id=None)
        told.write()
        for number in range(5):
            told.expect("event failed", failed_event=f"{number} 1")
        told.forget()
        seconds[0] = 1.5
        told.expect("event failed", failed_event="100 0")
        told.write()
    assert [row["failed_event"] for row in rows] == [*(f"{number} 0" for number in range(LINES_A_SECOND)), "100 0"]
    assert [row.get("left_out_before") for row in rows] == [*[None] * LINES_A_SECOND, 100 - LINES_A_SECOND]
    assert "event_id" not in rows[0]
