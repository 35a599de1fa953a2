"""Identifiers in texts in texts: found however they are wrapped, and never taken for others."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.events.erasure import Subject
from snowmelt.events.mentions import Mentions

Wrap = Callable[[str], str]

WRAPS: dict[str, Wrap] = {
    "parameter": lambda text: f"e=pv&uid={quote(text, safe='')}&p=web",
    "form": lambda text: f"e=pv&uid={quote_plus(text)}",
    "JSON": lambda text: json.dumps({"data": [{"uid": text, "n": 1}]}, ensure_ascii=False),
    "ASCII JSON": lambda text: json.dumps({"schema": "iglu:a/b", "uid": text}),
    "base64": lambda text: f'{{"cx":"{b64encode(("{" + text + "}").encode()).decode()}"}}',
    "URL-safe base64": lambda text: "cx=" + urlsafe_b64encode(f'{{"a":"{text}"}}'.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: "payload " + f"\x02{text}\x00".encode().hex(),
}


def subject(identifier: str, *places: str) -> Subject:
    return Subject(key="user_id", names=("user_id",), places=places or ("user_id", "uid"), identifier=identifier)


identifiers = st.one_of(
    st.uuids().map(str),
    st.emails(),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=6, max_size=40),
).filter(lambda text: text.strip() == text and '"' not in text and "\\" not in text and "%" not in text)


@given(identifier=identifiers, wraps=st.lists(st.sampled_from(sorted(WRAPS)), max_size=3))
def test_an_identifier_is_found_however_it_is_wrapped(identifier: str, wraps: list[str]) -> None:
    if "+" in identifier and "form" not in wraps:
        wraps = [wrap for wrap in wraps if wrap != "parameter"]
    text = identifier
    for wrap in wraps:
        text = WRAPS[wrap](text)
    mentions = Mentions([subject(identifier)])
    assert mentions.in_text(text)
    if len(wraps) < 2:
        assert mentions.may_be_in(text.encode())


@given(identifier=st.uuids().map(str), wraps=st.lists(st.sampled_from(["parameter", "JSON", "base64"]), max_size=3))
def test_a_close_look_is_never_missed_for_want_of_a_first_one(identifier: str, wraps: list[str]) -> None:
    """What trackers send: base64 in JSON or in a query, and that once more in a body."""
    text = identifier
    for wrap in wraps:
        text = WRAPS[wrap](text)
    if wraps.count("base64") < 2:
        assert Mentions([subject(identifier)]).may_be_in(text.encode())


@given(one=st.uuids().map(str), other=st.uuids().map(str), wraps=st.lists(st.sampled_from(sorted(WRAPS)), max_size=2))
def test_nobody_is_taken_for_another(one: str, other: str, wraps: list[str]) -> None:
    text = other
    for wrap in wraps:
        text = WRAPS[wrap](text)
    assert Mentions([subject(one)]).in_text(text) == (one == other)
    assert not Mentions([subject("visitor-1")]).in_text(WRAPS["JSON"]("visitor-12"))
    assert not Mentions([subject("visitor-1")]).in_text("a-visitor-1")


@pytest.mark.parametrize(
    ("text", "is_there"),
    [
        ("e=pv&uid=42&p=web", True),
        ("e=pv&uid=421", False),
        ("e=pv&xuid=42", False),
        ("e=pv&pr=42", False),
        ('{"uid":"42"}', True),
        ('{"user_id": 42, "n": 1}', True),
        ('{"body":"{\\"data\\":[{\\"uid\\":\\"42\\"}]}"}', True),
        ('[{"name":"uid","value":"42"}]', True),
        ('[{"name":"pr","value":"42"}]', False),
        ("cx=" + b64encode(b'{"user_id":"42"}').decode(), True),
    ],
)
def test_a_short_identifier_is_found_behind_the_names_of_its_key_only(text: str, is_there: bool) -> None:
    mentions = Mentions([subject("42")])
    assert mentions.in_text(text) is is_there
    assert mentions.may_be_in(text.encode())


def test_session_ids_are_found_in_both_cases() -> None:
    identifier = "218e8926-3858-431d-b2ed-66da03a1cbe5"
    mentions = Mentions([subject(identifier, "domain_sessionid", "sid")])
    for text in (f"sid={identifier.upper()}", WRAPS["base64"](identifier.upper())):
        assert mentions.in_text(text)
        assert mentions.may_be_in(text.encode())


def test_several_are_looked_for_at_once() -> None:
    mentions = Mentions([subject("ann@example.com"), subject("7")])
    assert [mentions.in_text(text) for text in ("uid=7", "x ann@example.com y", "uid=8")] == [True, True, False]
    assert not Mentions([]).in_text("uid=7")
