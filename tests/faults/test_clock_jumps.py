"""The machine's clock is set forward and back while events come.

Lifetime values stay exact, repeated ids are known, what fires by time fires once, streams miss nothing and nothing
hangs. Windows are judged by the clock: see docs/operations.md.
"""

import time
import uuid
from pathlib import Path

import httpx
import pytest

from clocks import SetClock
from conftest import Server, eventually
from fault_figures import IS_LONG, tell
from process_shop import PAYLOAD_DATA, TP2
from snowmelt import InterventionInstance, SignalsSandbox
from storm import PATIENCE, STORM, Storm, Subscriber, expected_firings, rule, rules

pytestmark = pytest.mark.process

HOUR = 3_600
JUMPS = (HOUR, 0, -HOUR, 0) if IS_LONG else (HOUR, 0)
"""To how many seconds ahead."""
USERS = [str(uuid.uuid4()) for _ in range(20)]
WATCHED, QUIET = USERS[:10], str(uuid.uuid4())


def view(user: str, event_id: str) -> dict[str, str]:
    return {"e": "pv", "p": "web", "tv": "t-1", "duid": user, "eid": event_id, "url": "https://shop.example/p0"}


def send(server: Server, *events: dict[str, str]) -> None:
    answer = httpx.post(f"{server.url}{TP2}", json={"schema": PAYLOAD_DATA, "data": list(events)}, trust_env=False)
    assert answer.status_code == 200


def test_the_clock_jumps_forward_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    clock = SetClock(tmp_path / "clock", monkeypatch)
    with clock:
        server = Server(tmp_path / "data")
    storm = Storm(server, seed=3)
    storm.judge.clock = lambda: time.time_ns() // 1_000_000 + clock.seconds * 1_000
    quiet: list[InterventionInstance] = []
    try:
        with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
            storm.publish()
            # By time alone: what was there is gone 20 s after the last event.
            gone = rule("gone", "is null", attribute="storm:lately")
            signals.publish([*rules("storm:carts"), gone])
            stream = Subscriber(signals, WATCHED)
            other = Subscriber(signals, [QUIET])
            with stream.subscription, other.subscription:
                assert stream.subscription.wait_until_open(20) and other.subscription.wait_until_open(20)
                once = str(uuid.uuid4())
                send(server, view(QUIET, once))
                storm.ledger.others[once] = {"event_id": once, "domain_userid": QUIET, "event_name": "page_view"}
                server.flush(30)
                was_ahead = False
                for seconds in JUMPS:
                    place = storm.ledger.place
                    storm.blow(USERS, 150)
                    storm.go_on()
                    clock.set(seconds)
                    storm.go_on()
                    send(server, view(QUIET, once))  # a tracker that has had no answer
                    storm.calm()
                    compare(storm, place, was_ahead=was_ahead)
                    was_ahead |= seconds > 0
                    if seconds == HOUR:
                        eventually(lambda: other.received, "what is due by the clock fires", PATIENCE)
                assert storm.judge.ask([QUIET]) == {"events": [1]}
                due = {user: carts(storm, user) for user in WATCHED}
                total = sum(len(expected_firings(count)) for count in due.values())
                eventually(lambda: len(fired(stream)) >= total, "everything has come", PATIENCE)
                quiet = list(other.received)
                for user in WATCHED:
                    names = [name for name in stream.names(user) if name != "gone"]
                    assert sorted(names) == sorted(expected_firings(due[user]))
                    assert stream.names(user).count("gone") <= 1
                assert [one.name for one in quiet] == ["gone"]
        tell(
            "clock jumps",
            jumps=len(JUMPS),
            events_acknowledged=storm.acknowledged,
            events_compared=storm.ledger.events,
            values_compared=storm.judge.values,
            differences=len(storm.judge.differences),
            firings_compared=total,
            firings_lost=0,
            firings_repeated=0,
            requests_tried=storm.statuses.counts.total(),
            requests_answered_5xx_but_503=storm.statuses.faults,
            seconds=round(time.monotonic() - began),
        )
        assert set(storm.statuses.counts) == {200}
    finally:
        storm.close()
        server.close()


def compare(storm: Storm, place: int, *, was_ahead: bool) -> None:
    """Compare everything; of a short window only bounds where the clock had been ahead.

    What had left the window by that clock was dropped, and does not come back with the clock.
    """
    storm.judge.compare(USERS, but=["lately"] if was_ahead else [])
    assert storm.judge.differences == [], "\n".join(storm.judge.differences)
    if was_ahead:
        [lately] = [one for one in STORM["attributes"] if one["name"] == "lately"]
        before = storm.judge.clock()
        found = storm.judge.ask(USERS, ["storm_v1:lately"])["lately"]
        after = storm.judge.clock()
        for user, count in zip(USERS, found, strict=True):
            most = storm.ledger.value(STORM, lately, user, before) or 0
            least = storm.ledger.value(STORM, lately, user, after, after=place) or 0
            assert least <= (count or 0) <= most


def carts(storm: Storm, user: str) -> int:
    found: int | None = storm.ledger.value(STORM, STORM["attributes"][1], user, 2**45)
    return found or 0


def fired(stream: Subscriber) -> list[InterventionInstance]:
    return [one for one in stream.received if one.name != "gone"]
