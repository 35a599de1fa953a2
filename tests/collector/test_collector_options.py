"""What can be switched on in the collector, and how large requests are recorded."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_door import JSON, ME, TP2, Door
from snowmelt.collector.splitting import SizeLimits
from snowmelt.events.payload import CollectorPayload, SizeViolation
from snowmelt.stores.errors import StoreFullError

MakeDoor = Callable[..., Door]
REDIRECTS = {"enable_default_redirect": True}


# Redirects


@pytest.mark.parametrize(
    ("given_u", "location"),
    [
        ("https://a.example/b?c=d&e#f", "https://a.example/b?c=d"),  # the rest belongs to the request itself
        ("https%3A%2F%2Fa.example%2Fb%3Fc%3Dd%26e%23f", "https://a.example/b?c=d&e#f"),
        ("/only/a/path", "/only/a/path"),
        ("https://a.example/%C3%A9%25", None),
        ("https://a.example/%25C3%25A9", "https://a.example/%C3%A9"),
        ("https://a.example/%C3%A9", "https://a.example/%C3%A9"),
        ("https://a.example/b%20c", None),
        ("https://a.example/%0D%0ASet-Cookie:x=y", None),
        ("https://a.example/%00", None),
        ("https://[::1/", None),
        ("https://a.example%5C@b.example/", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_leads_to_u_if_that_is_an_address(
    make_door: MakeDoor, method: str, given_u: str, location: str | None
) -> None:
    door = make_door(**REDIRECTS)
    reply = door(method, f"/r/tp2?u={given_u}")
    assert (reply.status, reply["location"]) == (302 if location else 400, location)
    assert len(door.payloads()) == 1, "a link that was followed is recorded in any case"


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("https://shop.example/", True),
        ("https://SHOP.example:8443/x", True),
        ("//shop.example/", True),
        ("https://evil.example/?shop.example", False),
        ("https://shop.example.evil.example/", False),
        ("https://sub.shop.example/", False),
        ("https://shop.example@evil.example/", False),
        ("//evil.example/", False),
        ("/on/this/host", False),
        ("javascript:alert(1)", False),
        ("https:shop.example", False),
    ],
)
def test_redirects_can_be_bound_to_hosts(make_door: MakeDoor, target: str, allowed: bool) -> None:
    door = make_door(**REDIRECTS, redirect_domains=["shop.example"])
    assert door("GET", f"/r/tp2?u={target}").status == (302 if allowed else 400)


def test_a_path_that_is_mapped_to_redirects_works_without_the_usual_one(make_door: MakeDoor) -> None:
    door = make_door(paths={"/go/out": "/r/tp2"})
    assert door("GET", "/go/out?u=https://a.example/").status == 302
    assert door("GET", "/r/tp2?u=https://a.example/").status == 404
    assert door.payload().path == "/r/tp2"


def test_a_redirect_sets_the_cookie(make_door: MakeDoor) -> None:
    reply = make_door(**REDIRECTS)("GET", "/r/tp2?u=https://a.example/", [("Cookie", f"sp={ME}")])
    assert reply["set-cookie"].startswith(f"sp={ME};")


# Privacy


@pytest.mark.parametrize(
    ("cookie", "tracked"),
    [
        ("dnt=yes-please", False),
        ("sp=a; dnt=yes", False),
        ("dnt=no", True),
        ("dnt=oh-yes", True),
        ("dnt=", True),
        ("notdnt=yes", True),
        (None, True),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_says_do_not_track_is_not(make_door: MakeDoor, method: str, cookie: str | None, tracked: bool) -> None:
    door = make_door(do_not_track_cookie={"enabled": True, "name": "dnt", "value": "yes.*"})
    reply = door(method, f"{TP2}?e=pv", [("Cookie", cookie)] if cookie else [])
    assert reply.status == 200
    assert (reply["set-cookie"] is not None) is tracked
    assert len(door.payloads()) == door.app.accepted == int(tracked)
    assert door.app.untracked == int(not tracked)


def test_a_second_cookie_can_be_read_by_the_page(make_door: MakeDoor) -> None:
    reply = make_door(cookie={"client_cookie_name": "sp_client"})("GET", "/i", [("Cookie", f"sp={ME}")])
    first, second = reply.all("set-cookie")
    assert first.startswith(f"sp={ME};") and "HttpOnly" in first
    assert second == first.replace("sp=", "sp_client=", 1).replace("HttpOnly; ", "")
    blanked = make_door(cookie={"client_cookie_name": "sp_client"})(
        "GET", "/i", [("Cookie", f"sp={ME}"), ("SP-Anonymous", "*")]
    )
    assert [cookie.partition(";")[0] for cookie in blanked.all("set-cookie")] == ["sp=", "sp_client="]


@pytest.mark.parametrize(
    ("method", "target", "headers", "bounces"),
    [
        ("GET", "/i?e=pv", [], True),
        ("HEAD", "/i?e=pv", [], True),
        ("GET", TP2, [], True),
        ("POST", TP2, [], False),
        ("GET", "/i?e=pv", [("Cookie", f"sp={ME}")], False),
        ("GET", f"/i?e=pv&nuid={ME}", [], False),
        ("GET", "/i?e=pv", [("SP-Anonymous", "*")], False),
        ("GET", "/i?n3pc=true", [], False),
        ("GET", "/i?n3pc", [], False),
    ],
)
def test_who_bounces(
    make_door: MakeDoor, method: str, target: str, headers: list[tuple[str, str]], bounces: bool
) -> None:
    door = make_door(cookie_bounce={"enabled": True})
    reply = door(method, target, headers)
    assert reply.status == (302 if bounces else 200)
    assert len(door.payloads()) == int(not bounces)


@pytest.mark.parametrize(
    ("protocol", "host", "location"),
    [
        ("https", "c.example:8443", "https://c.example:8443/i?n3pc=true"),
        ("http", "c.example", "http://c.example/i?n3pc=true"),
        ("HTTPS", "c.example", "/i?n3pc=true"),
        ("ftp", "c.example", "/i?n3pc=true"),
        ("https", 'c.example/"', "/i?n3pc=true"),
        (None, "c.example", "/i?n3pc=true"),
    ],
)
def test_the_bounce_keeps_the_proxys_protocol(
    make_door: MakeDoor, protocol: str | None, host: str, location: str
) -> None:
    door = make_door(cookie_bounce={"enabled": True, "forwarded_protocol_header": "X-Forwarded-Proto"})
    headers = [("Host", host)] + ([("X-Forwarded-Proto", protocol)] if protocol else [])
    assert door("GET", "/i", headers)["location"] == location


# Trusted proxies


@pytest.mark.parametrize(
    ("peer", "headers", "address", "recorded"),
    [
        ("203.0.113.9", [("X-Forwarded-For", "1.1.1.1")], "203.0.113.9", []),
        ("10.0.0.1", [("X-Forwarded-For", "1.1.1.1")], "1.1.1.1", ["X-Forwarded-For: 1.1.1.1"]),
        ("10.0.0.1", [("X-Forwarded-For", "6.6.6.6, 1.1.1.1, 10.0.0.2")], "1.1.1.1", ["X-Forwarded-For: 1.1.1.1"]),
        (
            "10.0.0.1",
            [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.1.1.1:80")],
            "1.1.1.1",
            ["X-Forwarded-For: 1.1.1.1"],
        ),
        ("10.0.0.1", [("X-Forwarded-For", "1.1.1.1, nobody")], "10.0.0.1", []),
        ("10.0.0.1", [("X-Forwarded-For", "10.0.0.3, 10.0.0.2")], "10.0.0.3", ["X-Forwarded-For: 10.0.0.3"]),
        (
            "2001:db8::1",
            [("Forwarded", 'for=1.1.1.1;proto=https, for="[2001:db8:1::7]:8080"')],
            "2001:db8:1::7",
            ["X-Forwarded-For: 2001:db8:1::7"],
        ),
        ("::ffff:10.0.0.1", [("X-Forwarded-For", "1.1.1.1")], "1.1.1.1", ["X-Forwarded-For: 1.1.1.1"]),
        ("10.0.0.1", [], "10.0.0.1", []),
        (None, [("X-Forwarded-For", "1.1.1.1")], None, []),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(
    make_door: MakeDoor, peer: str | None, headers: list[tuple[str, str]], address: str | None, recorded: list[str]
) -> None:
    door = make_door(trusted_proxies=["10.0.0.0/8", "2001:db8::1"])
    door("GET", "/i?e=pv&p=web", headers, client=(peer, 1) if peer else None)
    payload = door.payload()
    assert payload.ip_address == address
    assert [line for line in payload.headers if "orwarded" in line] == recorded
    [outcome] = door.outcomes()
    assert outcome.event.get("user_ipaddress") == address  # type: ignore[union-attr]


def test_proxies_say_nothing_of_who_is_anonymous(make_door: MakeDoor) -> None:
    door = make_door(trusted_proxies=["10.0.0.1"])
    door("GET", "/i", [("SP-Anonymous", "*"), ("X-Forwarded-For", "1.1.1.1")], client=("10.0.0.1", 1))
    assert door.payload().ip_address == "unknown"
    assert not any("1.1.1.1" in line for line in door.payload().headers)


# Pages


def test_pages_that_are_off_are_not_there(door: Door) -> None:
    for path in ("/", "/crossdomain.xml"):
        assert not door.app.handles("GET", path)
        assert door("GET", path).status == 404


def test_pages_that_are_on(make_door: MakeDoor) -> None:
    door = make_door(
        cross_domain={"enabled": True, "domains": ["*.a.example", 'b"<']},
        root_response={"enabled": True, "headers": {"Location": "https://a.example/"}, "body": "moved"},
        hsts={"enabled": True},
    )
    policy = door("GET", "/crossdomain.xml")
    assert (policy.status, policy["content-type"]) == (200, "text/xml; charset=utf-8")
    assert b'<allow-access-from domain="*.a.example" secure="true" />' in policy.body
    assert b'<allow-access-from domain=\'b"&lt;\' secure="true" />' in policy.body
    root = door("GET", "/")
    assert (root.status, root["location"], root.body) == (302, "https://a.example/", b"moved")
    for reply in (policy, root, door("GET", "/i"), door("GET", "/none"), door("OPTIONS", TP2)):
        assert reply["strict-transport-security"] == "max-age=31536000"
    assert door("POST", "/").status == 404


def test_the_sinks_health_follows_the_disk(make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    door = make_door()
    assert (door("GET", "/sink-health").status, door("GET", "/sink-health").body) == (200, b"ok")

    def full(records: Any) -> int:
        raise StoreFullError("full")

    with monkeypatch.context() as broken:
        broken.setattr(door.log, "append", full)
        refused = door("GET", "/i")
        assert (refused.status, refused["retry-after"]) == (503, "5")
        assert door("GET", "/sink-health").status == 503
    assert door("GET", "/i").status == 200
    assert door("GET", "/sink-health").status == 200


def test_a_body_that_does_not_arrive_is_not_waited_for(make_door: MakeDoor) -> None:
    door = make_door(receive_seconds=0.05)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": TP2, "query_string": b"", "headers": [], "client": None}
    started = time.monotonic()
    door.run(door.app(scope, never, send))
    assert time.monotonic() - started < 5
    assert sent[0]["status"] == 408
    assert door.payloads() == [] and door.app.refused == 1


# Sizes


def parts(found: CollectorPayload | SizeViolation) -> list[Any]:
    return json.loads(found.body or b"")["data"] if isinstance(found, CollectorPayload) else []


@given(
    events=st.lists(
        st.builds(
            lambda character, length: {"page": character * length},
            st.sampled_from(["x", "é", "🙂", '"', "\x00"]),
            st.integers(0, 900),
        ),
        max_size=30,
    ),
    limit=st.integers(1_000, 3_000),
    indent=st.sampled_from([None, 2]),
)
def test_every_event_of_a_large_request_is_recorded_once_in_records_that_are_small_enough(
    events: list[dict[str, str]], limit: int, indent: int | None
) -> None:
    events = [event | {"aid": str(number)} for number, event in enumerate(events)]
    body = json.dumps({"schema": "s", "data": events}, indent=indent, ensure_ascii=False).encode()
    payload = CollectorPayload(timestamp=7, path=TP2, querystring="a=b", body=body, headers=["A: b"])
    found = SizeLimits(payload=10**6, record=limit).records(payload)
    whole = [(record, encoded) for record, encoded in found if isinstance(record, CollectorPayload)]
    violations = [record for record, _ in found if isinstance(record, SizeViolation)]
    assert all(len(encoded) < limit for _, encoded in whole)
    assert all(record.querystring == "a=b" and record.headers == ["A: b"] for record, _ in whole)
    kept = [event for record, _ in whole for event in parts(record)]
    assert len(kept) + len(violations) == len(events)
    assert kept == [event for event in events if event in kept]
    assert all(violation.actual > violation.maximum == limit for violation in violations)
    assert found


@pytest.mark.parametrize("length", range(12))
def test_records_are_small_enough_even_if_they_hold_little_but_commas(length: int) -> None:
    events = [{"a": "x" * length}] * 500
    body = json.dumps({"schema": "s", "data": events}).encode()
    found = SizeLimits(payload=10**6, record=1_000).records(CollectorPayload(timestamp=7, path=TP2, body=body))
    assert max(len(encoded) for _, encoded in found) < 1_000
    assert sum(len(parts(record)) for record, _ in found) == 500
    assert len(found) <= 500 * (len(json.dumps(events[0])) + 1) / 900 + 1, "and not smaller than they must be"


@pytest.mark.parametrize(
    ("method", "body", "cause"),
    [
        ("GET", b"", "GET"),
        ("POST", b"x" * 2_000, "not JSON"),
        ("POST", json.dumps({"a": "x" * 2_000}).encode(), "self-describing"),
        ("POST", json.dumps({"schema": "s", "data": {"a": "x" * 2_000}}).encode(), "array"),
        ("POST", json.dumps({"schema": "s" * 2_000, "data": []}).encode(), "without any event"),
    ],
)
def test_what_cannot_be_split_is_one_violation(make_door: MakeDoor, method: str, body: bytes, cause: str) -> None:
    door = make_door(max_record_bytes=1_000)
    target = f"{TP2}?a={'x' * 2_000}" if method == "GET" else TP2
    assert door(method, target, [JSON], body).status == 200
    [violation] = door.records()
    assert isinstance(violation, SizeViolation)
    assert violation.expectation.startswith("oversized collector payload:") and cause in violation.expectation
    [outcome] = door.outcomes()
    assert outcome.category == "size_violation"  # type: ignore[union-attr]
    row = outcome.row()  # type: ignore[union-attr]
    assert row["schema"].endswith("/size_violation/jsonschema/1-0-0")
    assert row["data"]["failure"]["maximumAllowedSizeBytes"] == 1_000
    assert len(row["data"]["payload"]) == 100


def test_the_parts_of_a_request_are_stored_together_or_not_at_all(
    make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = make_door(max_record_bytes=1_000)
    groups: list[int] = []
    append = door.log.append
    monkeypatch.setattr(door.log, "append", lambda records: (groups.append(len(records)), append(records))[1])
    body = json.dumps({"schema": "s", "data": [{"page": "x" * 300}] * 6}).encode()
    assert door("POST", TP2, [JSON], body).status == 200
    assert groups == [len(door.payloads())] and groups[0] > 1
