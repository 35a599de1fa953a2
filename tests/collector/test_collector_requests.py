"""What each request is answered with, and what is recorded of it."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import pytest

from collector_door import JSON, ME, TP2, Door, Headers, request
from snowmelt.collector import app as app_module
from snowmelt.collector.app import PIXEL
from snowmelt.collector.recording import ANONYMOUS_ID
from snowmelt.events.payload import SizeViolation

MakeDoor = Callable[..., Door]

SHOP = ("Origin", "https://shop.example")


@pytest.mark.parametrize(
    ("method", "target", "recorded_path"),
    [
        ("POST", TP2, TP2),
        ("POST", "/acme/track", "/acme/track"),
        ("GET", "/i?e=pv", "/i"),
        ("GET", "/ice.png?e=pv", "/ice.png"),
        ("HEAD", "/i?e=pv", "/i"),
        ("GET", f"{TP2}?e=pv", TP2),
        ("HEAD", f"{TP2}?e=pv", TP2),
        ("GET", "/com.acme/v1", "/com.acme/v1"),
    ],
)
def test_tracking_is_recorded_and_answered_200(door: Door, method: str, target: str, recorded_path: str) -> None:
    reply = door(method, target, [JSON, SHOP] if method == "POST" else [SHOP], b"{}")
    assert reply.status == 200
    if method == "POST":
        assert (reply["content-type"], reply.body) == ("text/plain; charset=utf-8", b"ok")
        assert reply["cache-control"] is None
    else:
        assert reply.body == (PIXEL if method == "GET" else b"")
        assert (reply["content-type"], reply["content-length"]) == ("image/gif", "43")
        assert reply["cache-control"] == "no-cache, no-store, must-revalidate"
    assert reply["access-control-allow-origin"] == "https://shop.example"
    assert reply["access-control-allow-credentials"] == "true"
    assert reply["set-cookie"].startswith("sp=")
    payload = door.payload()
    assert payload.path == recorded_path
    assert payload.querystring == target.partition("?")[2]
    assert payload.body == (b"{}" if method == "POST" else None)


def test_the_pixel_is_the_one_that_everybody_knows() -> None:
    assert len(PIXEL) == 43 and PIXEL.startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/i", b"not found"),
        ("POST", "/ice.png", b"not found"),
        ("POST", "/one", b"not found"),
        ("POST", "/acme/track/x", b"not found"),
        ("POST", f"{TP2}/", b"not found"),
        ("POST", "//track", b"not found"),
        ("POST", "/acme/", b"not found"),
        ("POST", "/", b"not found"),
        ("GET", "/", b"not found"),
        ("GET", "/one", b"not found"),
        ("GET", "/a/b/c", b"not found"),
        ("GET", "/i/", b"not found"),
        ("PUT", TP2, b"not found"),
        ("DELETE", TP2, b"not found"),
        ("PATCH", "/i", b"not found"),
        ("POST", "/robots.txt", b"not found"),
        ("GET", "/r/tp2?u=https%3A%2F%2Fa.example", b"redirects disabled"),
        ("POST", "/r/tp2", b"redirects disabled"),
    ],
)
def test_everything_else_is_404_and_not_recorded(door: Door, method: str, target: str, body: bytes) -> None:
    reply = door(method, target, [JSON], b"{}")
    assert (reply.status, reply.body) == (404, body)
    assert reply["set-cookie"] is None
    assert door.payloads() == []


def test_robots_are_sent_away(door: Door) -> None:
    reply = door("GET", "/robots.txt")
    assert reply.status == 200
    groups = reply.body.decode().split("\n\n")
    assert [group.split("\n")[:2] for group in groups] == [
        ["User-agent: *", "Disallow: /"],
        ["User-agent: Googlebot", "Disallow: /"],
        ["User-agent: AdsBot-Google", "Disallow: /"],
    ]
    assert door("HEAD", "/robots.txt").body == b""
    assert door.payloads() == []


@pytest.mark.parametrize("target", [TP2, "/i", "/anything/at/all"])
def test_a_preflight_is_answered_and_not_recorded(door: Door, target: str) -> None:
    reply = door("OPTIONS", target, [("Origin", "https://shop.example:8443")])
    assert (reply.status, reply.body) == (200, b"")
    assert dict(reply.headers) == {
        "access-control-allow-origin": "https://shop.example:8443",
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": "Content-Type, SP-Anonymous",
        "access-control-max-age": "3600",
        "content-length": "0",
    }
    assert door.payloads() == []


def test_a_preflights_age_can_be_left_to_the_browser(make_door: MakeDoor) -> None:
    assert make_door(max_age_seconds=-1)("OPTIONS", TP2)["access-control-max-age"] is None


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, "*"),
        ("null", "*"),
        ("", "*"),
        ("http://", "*"),
        ("not a url", "*"),
        ("https://shop.example/with/path", "*"),
        ("https://user@shop.example", "*"),
        ("https://shop.example\r\nX-Evil: 1", "https://shop.example"),
        ("https://shop.example\0", "*"),
        ("https://shop.example\x7f", "*"),
        ("https://sh\xf6p.example", "*"),
        ("http://origin.com http://otherorigin.com:8080", "http://origin.com"),
        ("null https://b.example", "https://b.example"),
        ("https://SHOP.example:8443", "https://SHOP.example:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://" + "a" * 30_000, "https://" + "a" * 30_000),
    ],
)
def test_the_origin_is_echoed_if_it_is_one(door: Door, origin: str | None, allowed: str) -> None:
    headers = [JSON] if origin is None else [JSON, ("Origin", origin)]
    for reply in (door("POST", TP2, headers, b"{}"), door("OPTIONS", TP2, headers)):
        assert reply.status == 200
        assert reply["access-control-allow-origin"] == allowed
        assert reply["access-control-allow-credentials"] == "true"


def test_custom_paths_are_recorded_as_what_they_stand_for(make_door: MakeDoor) -> None:
    door = make_door(paths={"/acme/track": TP2, "/acme/hook": "/com.snowplowanalytics.iglu/v1"})
    assert door("POST", "/acme/track", [JSON], b"{}").status == 200
    assert door("GET", "/acme/hook?schema=x").status == 200
    assert door("HEAD", "/acme/hook?schema=x").status == 200
    assert door("POST", "/acme/track/x", [JSON], b"{}").status == 404
    assert [payload.path for payload in door.payloads()] == [
        TP2,
        "/com.snowplowanalytics.iglu/v1",
        "/com.snowplowanalytics.iglu/v1",
    ]


# What is recorded


def test_a_post_is_recorded_whole(door: Door) -> None:
    before = datetime.now(UTC)
    headers = [
        ("Host", "collect.shop.example:8080"),
        ("User-Agent", "Mozilla/5.0 \xe9"),
        ("Referer", "https://shop.example/p?a=%20"),
        ("Content-Type", "Application/JSON;charset=UTF-8"),
        ("X-Custom", "Value, Kept"),
        ("cookie", '  a = b ; bad="x\\,y" ; c=d'),
    ]
    door("POST", f"{TP2}?a=%20b&c", headers, b'{"data":"\xc3\xa9"}')
    payload = door.payload()
    assert payload.body == b'{"data":"\xc3\xa9"}'
    assert payload.querystring == "a=%20b&c"
    assert payload.hostname == "collect.shop.example"
    assert payload.user_agent == "Mozilla/5.0 \xe9"
    assert payload.referer == "https://shop.example/p?a=%20"
    assert payload.content_type == "application/json; charset=utf-8"
    assert payload.headers == [
        "Host: collect.shop.example:8080",
        "User-Agent: Mozilla/5.0 \xe9",
        "Referer: https://shop.example/p?a=%20",
        "Content-Type: Application/JSON;charset=UTF-8",
        "X-Custom: Value, Kept",
        "Cookie: a=b;c=d",
        "application/json; charset=utf-8",
    ]
    assert payload.collector == "snowmelt-test"
    assert payload.encoding == "UTF-8"
    assert payload.ip_address == "203.0.113.9"
    assert before <= datetime.fromtimestamp(payload.timestamp / 1000, UTC) + timedelta(milliseconds=1)


def test_a_get_has_no_body_and_no_content_type(door: Door) -> None:
    door("GET", "/i?e=pv", [JSON, ("Host", "[::1]:8080")], b"ignored")
    payload = door.payload()
    assert (payload.body, payload.content_type, payload.hostname) == (None, None, "[::1]")
    assert payload.headers == ["Content-Type: application/json; charset=UTF-8", "Host: [::1]:8080"]


@pytest.mark.parametrize(
    ("header", "recorded"), [(None, None), ("", None), (";", None), ("text/plain", "text/plain"), ("A;b=C", "a; b=c")]
)
def test_a_content_type_is_recorded_one_way(door: Door, header: str | None, recorded: str | None) -> None:
    door("POST", TP2, [] if header is None else [("Content-Type", header)], b"x")
    assert door.payload().content_type == recorded
    assert door.payload().headers[-1:] == ([] if header is None else [recorded or f"Content-Type: {header}"])


@pytest.mark.parametrize("body", [b"", b"not json", b'{"not":"self-desc"}', b"\xff\0"])
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "nonsense"])
def test_content_is_no_reason_to_refuse(door: Door, body: bytes, content_type: str) -> None:
    assert door("POST", TP2, [("Content-Type", content_type)], body).status == 200
    assert door.payload().body == body


def test_an_empty_cookie_header_is_not_recorded(door: Door) -> None:
    door("GET", "/i", [("Cookie", ' ; bad="x" ')])
    assert door.payload().headers == []


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (None, "203.0.113.9"),
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (" 198.51.100.7:4711 ,10.0.0.1", "198.51.100.7"),
        ('"[2001:DB8::1]:4711"', "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1", "2001:db8::1"),
        ("unknown, 198.51.100.7", "203.0.113.9"),
        ("face.example", "203.0.113.9"),
        ("1.2.3", "203.0.113.9"),
        ("999.1.1.1", "203.0.113.9"),
        (":", "203.0.113.9"),
        ("", "203.0.113.9"),
        ("\u0661.2.3.4", "203.0.113.9"),
    ],
)
def test_the_clients_address_is_the_proxys_first(door: Door, header: str | None, address: str) -> None:
    door("GET", "/i", [] if header is None else [("X-Forwarded-For", header)], encoding="utf-8")
    assert door.payload().ip_address == address


def test_a_client_without_an_address_is_recorded(door: Door) -> None:
    door("GET", "/i", client=None)
    assert door.payload().ip_address is None


# The network user id and its cookie


def test_a_new_browser_gets_a_random_id(door: Door) -> None:
    first, second = door("GET", "/i"), door("GET", "/i")
    ids = [payload.network_userid for payload in door.payloads()]
    assert len(set(ids)) == 2
    assert all(UUID(one).version == 4 for one in ids if one)
    assert [reply["set-cookie"].split(";")[0] for reply in (first, second)] == [f"sp={one}" for one in ids]


OTHER = "22d6d9c2-ba65-4b4c-9f66-a1cbf1b9e1b7"


@pytest.mark.parametrize(
    ("target", "cookie", "expected"),
    [
        ("/i", f"a=b; sp={ME}; c=d", ME),
        (f"/i?nuid={OTHER}", f"sp={ME}", OTHER),
        (f"/i?e=pv&nuid={OTHER}&nuid={ME}", None, OTHER),
        (f"/i?nuid=&e=nuid&nuid={OTHER}", f"sp={ME}", OTHER),
        ("/i?nuid=", f"sp={ME}", ME),
        ("/i?e=nuid", f"sp={ME}", ME),
        ("/i?nuid=123", None, "123"),
        ("/i", f"xsp={OTHER};sp={ME}", ME),
    ],
)
def test_a_known_id_is_kept(door: Door, target: str, cookie: str | None, expected: str) -> None:
    reply = door("GET", target, [("Cookie", cookie)] if cookie else [])
    assert door.payload().network_userid == expected
    assert reply["set-cookie"].startswith(f"sp={expected}; ")


def test_a_post_takes_its_id_from_the_query_too(door: Door) -> None:
    door("POST", f"{TP2}?nuid={OTHER}", [JSON, ("Cookie", f"sp={ME}")], b"{}")
    assert door.payload().network_userid == OTHER


@pytest.mark.parametrize(
    "nuid", ["a%0d%0aX-Evil:%201", "a%3B%20Domain=evil.example", "a%00", "%E2%82%AC", "%FF", "a%20b", "%22", "%2C"]
)
def test_an_id_cannot_write_headers(door: Door, nuid: str) -> None:
    """It is recorded, so that enrichment can say what is wrong, but never sent back."""
    reply = door("GET", f"/i?nuid={nuid}")
    assert reply.status == 200
    assert reply["set-cookie"] is None
    assert {name for name, _ in reply.headers} == {
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "content-type",
        "cache-control",
        "content-length",
    }
    assert door.payload().network_userid not in (None, "")


def cookie_parts(header: str) -> tuple[str, dict[str, str]]:
    value, *attributes = header.split("; ")
    return value, {name: rest for name, _, rest in (one.partition("=") for one in attributes)}


def test_the_cookie_has_the_attributes_that_third_parties_need(door: Door) -> None:
    value, attributes = cookie_parts(door("GET", "/i", [("Cookie", f"sp={ME}")])["set-cookie"])
    expires = attributes.pop("Expires")
    assert value == f"sp={ME}"
    assert attributes == {"Path": "/", "Secure": "", "HttpOnly": "", "SameSite": "None"}
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", expires)
    assert abs(parsedate_to_datetime(expires) - datetime.now(UTC) - timedelta(days=365)) < timedelta(minutes=1)


def test_the_cookie_can_be_set_otherwise(make_door: MakeDoor) -> None:
    door = make_door(
        cookie={"name": "id", "secure": False, "http_only": False, "same_site": "lax", "expiration_days": 1}
    )
    value, attributes = cookie_parts(door("GET", "/i", [("Cookie", f"sp={OTHER}; id={ME}")])["set-cookie"])
    assert value == f"id={ME}"
    assert attributes.keys() == {"Expires", "Path", "SameSite"}
    assert attributes["SameSite"] == "Lax"
    plain = make_door(cookie={"same_site": None})
    assert "SameSite" not in plain("GET", "/i")["set-cookie"]


def test_the_cookie_can_be_switched_off(make_door: MakeDoor) -> None:
    door = make_door(cookie={"enabled": False})
    assert door("GET", "/i", [("Cookie", f"sp={ME}")])["set-cookie"] is None
    assert door("POST", TP2, [("SP-Anonymous", "*"), ("Cookie", f"sp={ME}")], b"{}")["set-cookie"] is None
    assert door.payloads()[0].network_userid == ME


DOMAINS = ["domain.com", "other.com", "snplow.com", ".dotted.example", "UPPER.example"]


@pytest.mark.parametrize(
    ("origin", "domain"),
    [
        ("http://www.other.com http://www.domain.com", "domain.com"),
        ("https://sub.snplow.com", "snplow.com"),
        ("https://snplow.com:8443", "snplow.com"),
        ("https://notsnplow.com", None),
        ("https://sub.notsnplow.com", None),
        ("https://snplow.com.evil.example", None),
        ("https://DOMAIN.com", "domain.com"),
        ("https://a.dotted.example", ".dotted.example"),
        ("https://upper.example", "UPPER.example"),
        ("null", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("fallback", [None, "fallback.example"])
def test_the_cookies_domain_is_the_first_configured_that_fits(
    make_door: MakeDoor, origin: str | None, domain: str | None, fallback: str | None
) -> None:
    door = make_door(cookie={"domains": DOMAINS, "fallback_domain": fallback})
    reply = door("GET", "/i", [("Origin", origin)] if origin else [])
    assert cookie_parts(reply["set-cookie"])[1].get("Domain") == (domain or fallback)


# Anonymous requests

PRIVATE = [
    ("X-Forwarded-For", "198.51.100.7"),
    ("X-Real-Ip", "198.51.100.7"),
    ("Forwarded", "for=198.51.100.7"),
    ("X-Kept", "yes"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("value", ["*", "", "anything"])
def test_an_anonymous_request_leaves_no_trace_of_who_it_was(door: Door, method: str, value: str) -> None:
    headers = [*PRIVATE, ("SP-Anonymous", value), ("Cookie", f"a=b; sp={ME}")]
    reply = door(method, f"{TP2}?nuid={ME}", headers, b"{}")
    payload = door.payload()
    assert (payload.network_userid, payload.ip_address) == (ANONYMOUS_ID, "unknown")
    assert payload.headers == ["X-Kept: yes", f"Sp-Anonymous: {value}"]
    name, attributes = cookie_parts(reply["set-cookie"])
    assert name == "sp="
    expires = parsedate_to_datetime(attributes.pop("Expires"))
    assert abs(datetime.now(UTC) - timedelta(days=365) - expires) < timedelta(minutes=1)
    assert attributes == {"Path": "/", "Secure": "", "HttpOnly": "", "SameSite": "None"}


def test_the_blanked_cookie_has_the_domain_of_the_other(make_door: MakeDoor) -> None:
    door = make_door(cookie={"domains": ["shop.example"]})
    reply = door("GET", "/i", [("SP-Anonymous", "*"), ("Cookie", f"sp={ME}"), SHOP])
    assert cookie_parts(reply["set-cookie"])[1]["Domain"] == "shop.example"


@pytest.mark.parametrize("cookie", [None, "a=b", f"xsp={ME}", f"a=sp={ME}"])
def test_an_anonymous_request_without_the_cookie_gets_none(door: Door, cookie: str | None) -> None:
    headers = [("SP-Anonymous", "*"), *([("Cookie", cookie)] if cookie else [])]
    assert door("GET", "/i", headers)["set-cookie"] is None
    assert door.payload().network_userid == ANONYMOUS_ID


# Limits


def test_a_large_body_is_taken_and_a_larger_refused(door: Door) -> None:
    limit = 2 * 1024**2
    assert door("POST", TP2, [JSON], b"x" * limit).status == 200
    reply = door("POST", TP2, [JSON, SHOP], b"x" * (limit + 1))
    assert reply.status == 413
    assert reply["access-control-allow-origin"] == "https://shop.example"
    assert reply["set-cookie"] is None
    [violation] = door.records()  # which is above another limit, of what is kept
    assert isinstance(violation, SizeViolation)
    assert (violation.maximum, violation.actual > limit) == (1024**2, True)
    assert (door.app.accepted, door.app.refused) == (1, 1)


def test_a_body_is_refused_as_soon_as_it_is_too_large(make_door: MakeDoor) -> None:
    door = make_door(max_body_bytes=10)
    # The chunk that is None would be a disconnect: it is not read any more.
    reply = door.run(request(door.app, "POST", TP2, [JSON], [b"12345", b"67890", b"1", None]))
    assert reply is not None and reply.status == 413
    assert door.payloads() == []


def test_a_body_in_pieces_is_put_together(door: Door) -> None:
    reply = door.run(request(door.app, "POST", TP2, [JSON], [b"", b"one ", b"two", b""]))
    assert reply is not None and reply.status == 200
    assert door.payload().body == b"one two"


@pytest.mark.parametrize("chunks", [[None], [b"half a bod", None]])
def test_a_request_that_breaks_off_is_not_recorded(door: Door, chunks: list[bytes | None]) -> None:
    assert door.run(request(door.app, "POST", TP2, [JSON], chunks)) is None
    assert door.payloads() == []
    assert (door.app.accepted, door.app.refused) == (0, 0)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/i?" + "a" * 20_479, []),
        ("/" + "a" * 10_000 + "/" + "b" * 10_479, []),
        ("/i", [("X-Forwarded-For", "1" * 1024**2)]),
        ("/i", [("X-Forwarded-For", "1.1.1.1, " * 100_000)]),
        ("/i", [("Cookie", "sp=" + "a" * 1024**2)]),
        ("/i", [("Cookie", ";" * 50_000)]),
        ("/i", [(f"X-{number}", "x" * 1_000) for number in range(50)]),
        ("/i", [("Origin", "https://" + "a." * 500_000)]),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_absurd_lengths_are_refused_at_once(door: Door, method: str, target: str, headers: Headers) -> None:
    reply = door(method, target.replace("/i", TP2), headers, b"{}")
    assert reply.status == 400
    assert door.payloads() == []
    assert door.app.refused == 1


def test_usual_long_ones_are_taken(door: Door) -> None:
    assert door("GET", "/i?" + "a" * 20_478, [("X-Long", "x" * 40_000)]).status == 200
    assert len(door.payload().querystring) == 20_478


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "\xff\xfe")],
        [("X-Forwarded-For", "a" * 30_000)],
        [("X-Forwarded-For", "[" * 30_000)],
        [("X-Forwarded-For", ":" * 30_000)],
        [("X-Forwarded-For", "1.1.1.1:1:" * 3_000)],
        [("Host", ":")],
        [("Host", "[")],
        [("Host", "")],
        [("Cookie", "\xff=\xff; =; ;; sp; sp=")],
        [("Cookie", "sp=\xff")],
        [("Content-Type", "\xff;;;=\0")],
        [("Referer", "\0"), ("User-Agent", "\xff" * 10_000)],
        [("SP-Anonymous", "\0"), ("SP-Anonymous", "x")],
        [("Origin", "\xff"), ("Origin", "https://b.example")],
        [("", "")],
    ],
)
def test_absurd_headers_are_only_recorded(door: Door, headers: Headers) -> None:
    assert door("POST", f"{TP2}?%ff=%&&&=nuid&nuid", headers, b"\0").status == 200
    assert door.payload().body == b"\0"


def test_the_app_says_which_paths_are_its_own(door: Door) -> None:
    mine = ["/i", "/ice.png", "/robots.txt", TP2, "/a/b", "/r/tp2"]
    others = ["/", "/health", "/metrics", "/a/b/", "/a/b/c", "//b", "/a/", ""]
    assert [path for path in mine + others if door.app.handles("GET", path)] == mine


def test_bodies_that_come_in_pieces_take_no_more_memory_together_than_is_allowed(
    make_door: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "MAX_GATHERED_BYTES", 1_000)
    door = make_door()

    async def scenario() -> tuple[list[int], str]:
        more = asyncio.Event()

        async def in_two(size: int) -> int:
            pieces = iter([{"body": b"x" * size, "more_body": True}, {"body": b"y"}])
            sent: list[Any] = []

            async def receive() -> Any:
                piece = next(pieces)
                if "more_body" not in piece:
                    await more.wait()
                return {"type": "http.request"} | piece

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {"type": "http", "method": "POST", "path": TP2, "query_string": b"", "headers": []}
            await door.app(scope, receive, send)
            headers = dict(sent[0]["headers"])
            assert (b"retry-after" in headers) == (sent[0]["status"] == 503)
            return int(sent[0]["status"])

        first = [asyncio.create_task(in_two(size)) for size in (400, 400)]
        while door.app._gathered < 800:
            await asyncio.sleep(0)
        third = await in_two(400)
        more.set()
        return [*await asyncio.gather(*first), third, await in_two(900)], str(door.app._gathered)

    assert door.run(scenario()) == ([200, 200, 503, 200], "0")
