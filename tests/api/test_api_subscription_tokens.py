"""Subscription tokens: who gets one, what it opens, and what it does not."""

from typing import Any
from uuid import uuid4

import jwt
import pytest

from snowmelt.api.subscription_passes import Passes

PATH = "interventions/tokens"
ANN, BOB = ("domain_userid", str(uuid4())), ("domain_userid", str(uuid4()))


def test_a_token_covers_its_targets_until_it_expires(
    client: Any, moment: Any, registry: Any, signing_secret: bytes
) -> None:
    body = {"attribute_keys": {"domain_userid": [ANN[1]]}, "expires_in": 60}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201 and answer.json()["expires_at"] == "2026-01-01T00:01:00Z"
    token = answer.json()["token"]
    passes = Passes(signing_secret, registry.api_keys.organization(), lambda: moment.ms / 1000)
    assert passes.refusal(token, [ANN]) is None
    assert passes.refusal(token, [ANN, BOB]) == (403, "The token does not cover all of these identifiers.")
    assert passes.refusal(token, [("user_id", ANN[1])])[0] == 403  # type: ignore[index]
    assert passes.refusal(token + "x", [ANN])[0] == 401  # type: ignore[index]
    other = Passes(signing_secret, "another", lambda: moment.ms / 1000)
    assert other.refusal(token, [ANN])[0] == 401  # type: ignore[index]
    moment.forward(60)
    assert "expired" in passes.refusal(token, [ANN])[1]  # type: ignore[index]


def test_neither_kind_of_token_is_taken_for_the_other(
    client: Any, stranger: Any, registry: Any, signing_secret: bytes
) -> None:
    token = client.post(PATH, json={"attribute_keys": {"domain_userid": [ANN[1]]}}).json()["token"]
    refused = stranger.request("GET", "registry/services", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401
    passes = Passes(signing_secret, registry.api_keys.organization(), lambda: 0.0)
    claims = jwt.decode(token, options={"verify_signature": False})
    del claims["aud"]
    assert passes.refusal(jwt.encode(claims, signing_secret, "HS256"), [ANN])[0] == 401  # type: ignore[index]


@pytest.mark.parametrize(
    ("keys", "status"),
    [({"domain_userid": ["guessable"]}, 400), ({"nobody": [ANN[1]]}, 400), ({}, 422), ({"domain_userid": []}, 400)],
)
def test_who_cannot_be_subscribed_to_gets_no_token(client: Any, keys: Any, status: int) -> None:
    assert client.post(PATH, json={"attribute_keys": keys}).status_code == status


def test_how_long_a_token_may_live(client: Any) -> None:
    body = {"attribute_keys": {"domain_userid": [ANN[1]]}}
    assert client.post(PATH, json=body | {"expires_in": 86_401}).status_code == 422
    assert client.post(PATH, json=body | {"expires_in": 0}).status_code == 422
