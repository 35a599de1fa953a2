"""What is left of each kind of record without somebody, and what is exported of it."""

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from snowmelt.events.erasure import Erasure, Subject
from snowmelt.events.mentions import Mentions
from snowmelt.events.payload import CollectorPayload, Replay, SizeViolation
from snowmelt.events.unreadable import UnreadableLine, decode_unreadable, encode_unreadable
from snowmelt.stores.erased_records import about, without
from snowmelt.stores.event_log import Kind, Record, decode_payload, encode_erasure, encode_payload

ANN, BOB = "ann@example.com", "bob@example.com"
SUBJECT = Subject(key="user_id", names=("user_id",), places=("user_id", "uid"), identifier=ANN)
MENTIONS = Mentions([SUBJECT])
encode = msgspec.msgpack.Encoder().encode


def record(kind: Kind, body: bytes) -> Record:
    return Record(7, kind, 1, body)


def payload(*users: str, **more: Any) -> CollectorPayload:
    data = [{"e": "pv", "cx": b64encode(json.dumps({"data": {"mail": user}}).encode()).decode()} for user in users]
    return CollectorPayload(
        timestamp=1, path="/x/tp2", body=json.dumps({"schema": "iglu:s", "data": data}).encode(), **more
    )


def test_a_request_with_events_of_several_people_keeps_those_of_others() -> None:
    body = without(record(Kind.PAYLOAD, encode_payload(payload(ANN, BOB, ANN))), MENTIONS)
    assert body is not None
    left = json.loads(decode_payload(body).body or b"")
    assert left == {"schema": "iglu:s", "data": json.loads(payload(BOB).body or b"")["data"]}
    shown = about(record(Kind.PAYLOAD, encode_payload(payload(ANN, BOB, ANN))), MENTIONS)
    assert shown is not None
    assert shown["request"]["body"]["data"] == json.loads(payload(ANN, ANN).body or b"")["data"]


@pytest.mark.parametrize(
    "one",
    [
        payload(ANN),
        payload(BOB, headers=[f"Cookie: mail={ANN}"]),
        payload(BOB, referer="https://shop.example/?mail=ann%40example.com"),
        payload(BOB, network_userid=ANN),
        CollectorPayload(timestamp=1, path="/i", querystring="e=pv&uid=ann%40example.com"),
        CollectorPayload(timestamp=1, path="/x/tp2", body=b'{"data": broken ann@example.com'),
        CollectorPayload(timestamp=1, path="/x/tp2", body=b'["ann@example.com"]'),
    ],
)
def test_a_request_that_names_them_as_a_whole_goes(one: CollectorPayload) -> None:
    assert without(record(Kind.PAYLOAD, encode_payload(one)), MENTIONS) is None
    assert about(record(Kind.PAYLOAD, encode_payload(one)), MENTIONS)


@pytest.mark.parametrize(
    ("kind", "gone", "stays"),
    [
        (
            Kind.REPLAY,
            encode(Replay(sequence=1, item=0, only=None, payload=payload(ANN))),
            encode(Replay(sequence=1, item=0, only=None, payload=payload(BOB))),
        ),
        (
            Kind.OVERSIZE,
            encode(SizeViolation(timestamp=1, maximum=1, actual=2, expectation="x", beginning=f'{{"uid":"{ANN}"')),
            encode(SizeViolation(timestamp=1, maximum=1, actual=2, expectation="x", beginning=f'{{"uid":"{BOB}"')),
        ),
        (Kind.EVENTS, f'{{"user_id":"{ANN}"}}'.encode(), f'{{"user_id":"{BOB}"}}'.encode()),
        (
            Kind.UNREADABLE,
            encode_unreadable([UnreadableLine("a:1", "no event", f"x\t{ANN}".encode())]),
            encode_unreadable([UnreadableLine("a:1", "no event", f"x\t{BOB}".encode())]),
        ),
        (Kind.PAYLOAD, b"no payload of " + ANN.encode(), b"no payload of " + BOB.encode()),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_every_kind_of_record_goes_if_it_names_them_and_stays_if_not(kind: Kind, gone: bytes, stays: bytes) -> None:
    assert without(record(kind, gone), MENTIONS) is None
    assert without(record(kind, stays), MENTIONS) == stays
    assert about(record(kind, stays), MENTIONS) is None


def test_of_lines_from_elsewhere_those_of_others_stay() -> None:
    lines = [f'{{"user_id":"{user}"}}'.encode() for user in (ANN, BOB, "anne@example.com")]
    assert without(record(Kind.EVENTS, b"\n".join(lines)), MENTIONS) == b"\n".join(lines[1:])
    assert about(record(Kind.EVENTS, b"\n".join(lines)), MENTIONS) == {"events": [{"user_id": ANN}]}
    unreadable = [UnreadableLine(f"a:{number}", "no event", line) for number, line in enumerate(lines)]
    left = without(record(Kind.UNREADABLE, encode_unreadable(unreadable)), MENTIONS)
    assert left is not None
    assert decode_unreadable(left) == unreadable[1:]


def test_definitions_and_other_requests_to_erase_stay() -> None:
    definitions = json.dumps({"criteria": ANN}).encode()
    request = encode_erasure(Erasure(id="0" * 32, time=1, subjects=(SUBJECT,)))
    for kind, body in ((Kind.DEFINITIONS, definitions), (Kind.ERASURE, request)):
        assert without(record(kind, body), MENTIONS) == body
        assert about(record(kind, body), MENTIONS) is None
