"""What no client sends by accident, to every operation: it is refused or answered, and nothing breaks."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from snowmelt.api.examples import EXAMPLES

DEEP = 100_000
VALUES = [
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "-1",
    "0.5",
    "1e308",
    "1e400",
    "-1e400",
    str(2**63),
    str(-(2**63) - 1),
    str(2**64),
    "9" * 5_000,
    r'"\u0000"',
    r'"a\u0000b"',
    r'"\ud800"',
    r'"\udfff\ud800"',
    '"\N{GRINNING FACE}"',
    json.dumps("x" * 100_000),
    json.dumps("9" * 5_000),
    '"9999-12-31T23:59:59.999999+14:00"',
    '"0001-01-01T00:00:00+14:00"',
    '"P999999999999999999Y"',
    "[" * 100 + "]" * 100,
    '{"all":[' * 150 + "]}" * 150,
    "[" * DEEP + "]" * DEEP,
    '{"a":' * DEEP + "1" + "}" * DEEP,
    '{"a\\u0000":{"\\ud800":1}}',
    "NaN",
    "-Infinity",
]
"""Texts of values, most of them JSON."""
BODIES = [
    b"",
    b"{",
    b"}",
    b'{"name"',
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"{}\x00",
    b'{"a":1}{"a":1}',
    b"\x1f\x8b\x08",
    b"name=a&b=c",
]
TYPES = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=",
    "\u00e9;;",
    "",
]
SEGMENTS = [
    "%00",
    "%ff",
    "%ed%a0%80",
    "%2e%2e",
    "%2f",
    "a" * 15_000,
    "-1",
    "0",
    str(2**63),
    "9" * 5_000,
    "1e3",
    "%F0%9F%98%80",
]


class Sent(bytes):
    """A body that is shown in short."""

    def __repr__(self) -> str:
        return f"{bytes(self[:200])!r} and so on, {len(self)} bytes" if len(self) > 200 else super().__repr__()


paths = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> Sent:
    """No JSON, or a body that works with one or two of its values, at any depth, replaced."""
    if draw(st.integers(0, 4)) == 0:
        return Sent(
            draw(st.one_of(st.sampled_from(BODIES), st.sampled_from(VALUES).map(str.encode), st.binary(max_size=50)))
        )
    whole: Any = json.loads(json.dumps(draw(st.sampled_from(list(EXAMPLES.values())))))
    put: dict[str, str] = {}
    for number in range(draw(st.integers(1, 2))):
        node: Any = whole
        while True:
            place = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[place], dict | list) or not node[place] or draw(st.booleans()):
                break
            node = node[place]
        node[place] = f"@{number}@"
        put[f'"@{number}@"'] = draw(st.sampled_from(VALUES))
    text = json.dumps(whole)
    for mark, value in put.items():
        text = text.replace(mark, value)
    return Sent(text.encode())


def operations(client: Any) -> list[tuple[str, str]]:
    document = client.get("/openapi.json").json()
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


@pytest.fixture
def stocked(client: Any) -> Any:
    """A client of an app with something in it."""
    bodies = {model.__name__: body for model, body in EXAMPLES.items()}
    for collection, kind in (
        ("attribute_groups", "AttributeGroup"),
        ("services", "Service"),
        ("event_logs", "EventLog"),
    ):
        assert client.post(f"registry/{collection}", json=bodies[kind]).status_code == 201
    return client


@settings(suppress_health_check=list(HealthCheck))
@given(body=bodies(), content_type=st.sampled_from(TYPES))
def test_no_body_breaks_an_operation(stocked: Any, body: Sent, content_type: str) -> None:
    headers = {"Content-Type": content_type.encode("latin-1")}
    with capture_logs() as logs:
        for method, path in operations(stocked):
            if method in ("POST", "PUT"):
                url = path.replace("{version}", "1").replace("{name}", "visits")
                answer = stocked.request(method, url, content=body, headers=headers)
                assert answer.status_code in range(200, 500) or answer.status_code == 501, (
                    method,
                    url,
                    body,
                    answer.text,
                )
                assert answer.json() is not None
    assert not [entry for entry in logs if entry["event"] == "request_failed"]


def test_bodies_of_other_operations_break_nothing(stocked: Any) -> None:
    for method, path in operations(stocked):
        if method in ("POST", "PUT"):
            url = path.replace("{version}", "1").replace("{name}", "visits")
            for model, body in EXAMPLES.items():
                answer = stocked.request(method, url, json=body)
                assert answer.status_code < 500 or answer.status_code == 501, (method, url, model, answer.text)


@settings(suppress_health_check=list(HealthCheck))
@given(
    segments=paths,
    query=st.sampled_from(
        ["", "?limit=%00", "?limit=" + "9" * 5_000, "?offset=1e3", "?applied=%ff", "?" + "a" * 15_000]
    ),
)
def test_no_path_breaks_an_operation(stocked: Any, segments: list[str], query: str) -> None:
    for method, path in operations(stocked):
        if "{" not in path and method != "GET":
            continue
        url = path
        for number, place in enumerate(("{name}", "{version}", "{org_id}", "{key_id}")):
            url = url.replace(place, segments[number % len(segments)])
        for each in {url + query, "/".join([path.partition("/{")[0], *segments])}:
            answer = stocked.request(method, each)
            assert answer.status_code < 500 or answer.status_code == 501, (method, each[:300], answer.text)


@pytest.mark.parametrize(
    "header", ["Bearer \x00", "Bearer " + "a" * 100_000, "Bearer \u00ff\u00fe", "Bearer a.b.c", "Bearer e30.e30."]
)
def test_no_token_breaks_the_gate(stranger: Any, header: str) -> None:
    sent = {"Authorization": header.encode("latin-1")}
    assert stranger.get("registry/services", headers=sent).status_code == 401
    exchange = {"X-API-Key": header.encode("latin-1"), "X-API-Key-Id": header.encode("latin-1")}
    path = "/api/msc/v1/organizations/%00/credentials"
    for version in ("v2", "v3"):
        assert stranger.get(f"{path}/{version}/token", headers=exchange).status_code == 401
