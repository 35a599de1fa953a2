import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.sdk.credentials import ApiKey, FixedToken, expiry
from snowmelt.sdk.errors import SignalsConfigError, SignalsResponseError
from snowmelt.sdk.messages import Call, Request, Response


def jwt(claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def token_answer(token: Any) -> Response:
    return Response(200, json.dumps({"accessToken": token}).encode())


def asks(call: Call[str]) -> Request:
    return next(call)


def result(call: Call[str], answer: Response | None = None) -> str:
    try:
        request = next(call)
    except StopIteration as done:
        return str(done.value)
    assert answer is not None, f"asked {request}"
    try:
        call.send(answer)
    except StopIteration as done:
        return str(done.value)
    raise AssertionError("asked twice")


@pytest.fixture
def key() -> ApiKey:
    return ApiKey(api_key="secret", api_key_id="key-1", org_id="org/1")


def test_a_fixed_token_is_never_fetched_nor_forgotten() -> None:
    credentials = FixedToken("opaque")
    assert result(credentials.token(0.0)) == "opaque"
    assert credentials.forget("opaque") is False


def test_the_token_request_names_the_organization_and_carries_both_headers(key: ApiKey) -> None:
    request = asks(key.token(0.0))
    assert (request.method, request.path) == ("GET", "/api/msc/v1/organizations/org%2F1/credentials/v3/token")
    assert request.headers == {"X-API-Key-Id": "key-1", "X-API-Key": "secret"}
    assert not request.authorized
    assert request.repeatable
    assert request.timeout == 5.0


def test_a_token_is_kept_until_it_expires(key: ApiKey) -> None:
    first, second = jwt({"exp": 1000}), jwt({"exp": 2000})
    assert result(key.token(0.0), token_answer(first)) == first
    assert result(key.token(990.0)) == first
    assert result(key.token(1000.0), token_answer(second)) == second


def test_a_token_without_expiry_is_kept(key: ApiKey) -> None:
    assert result(key.token(0.0), token_answer("opaque")) == "opaque"
    assert result(key.token(1e12)) == "opaque"


def test_a_forgotten_token_is_fetched_again(key: ApiKey) -> None:
    assert result(key.token(0.0), token_answer("old")) == "old"
    assert key.forget("old") is True
    assert result(key.token(0.0), token_answer("new")) == "new"


def test_a_token_that_another_call_has_renewed_already_is_kept(key: ApiKey) -> None:
    assert result(key.token(0.0), token_answer("old")) == "old"
    assert key.forget("old") is True
    assert result(key.token(0.0), token_answer("new")) == "new"
    assert key.forget("old") is True
    assert result(key.token(0.0)) == "new"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"accessToken": ""}', b'{"accessToken": 3}', b"<html>"])
def test_an_answer_without_a_token_is_no_token(key: ApiKey, body: bytes) -> None:
    with pytest.raises(SignalsResponseError):
        result(key.token(0.0), Response(200, body))


@pytest.mark.parametrize("token", ["", "two words", "line\n", "schlüssel"])
def test_what_no_header_can_carry_is_refused_at_once(token: str) -> None:
    with pytest.raises(SignalsConfigError, match="sandbox_token"):
        FixedToken(token)
    with pytest.raises(SignalsConfigError, match="api_key_id"):
        ApiKey(api_key="k", api_key_id=token, org_id="o")


@given(st.integers(0, 2**40), st.text(max_size=9))
def test_expiry_reads_any_length_of_payload(exp: int, other: str) -> None:
    assert expiry(jwt({"exp": exp, "sub": other})) == float(exp)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "a.!!!.c", "a.eyJ.c", jwt([1]), jwt({}), jwt({"exp": "1"})])
def test_what_is_no_jwt_has_no_expiry(token: str) -> None:
    assert expiry(token) is None
