"""API keys: made, exchanged for a token, used, expired, revoked."""

import asyncio
import statistics
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from structlog.testing import capture_logs

from snowmelt.api.app import Api
from snowmelt.api.revisions import Revisions
from snowmelt.stores.registry import NewApiKey, Registry

DAY = 24 * 60 * 60
SERVICES = "registry/services"
Exchange = Callable[..., httpx.Response]


@pytest.fixture
def key(registry: Registry) -> NewApiKey:
    return registry.api_keys.create("reader", name="a test")


def refused(response: httpx.Response, status: int, words: str) -> None:
    assert response.status_code == status, response.text
    assert words in response.json()["error"]
    assert response.json()["detail"] == response.json()["error"]


def test_a_key_is_exchanged_for_a_token_of_a_day(
    exchange: Exchange, key: NewApiKey, registry: Registry, moment: Any, signing_secret: bytes
) -> None:
    answer = exchange(key)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert list(answer.json()) == ["accessToken"]
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(answer.json()["accessToken"], signing_secret, algorithms=["HS256"], options=options)
    now = moment.ms // 1000
    assert claims == {
        "iss": "snowmelt",
        "sub": key.stored.id,
        "org": registry.api_keys.organization(),
        "role": "reader",
        "iat": now,
        "exp": now + DAY,
    }


def test_the_token_lets_in_until_it_expires(exchange: Exchange, key: NewApiKey, holder: Any, moment: Any) -> None:
    client = holder(exchange(key).json()["accessToken"])
    moment.forward(DAY - 1)
    assert client.get(SERVICES).status_code == 200
    moment.forward(1)
    answer = client.get(SERVICES)
    refused(answer, 401, "expired")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert holder(exchange(key).json()["accessToken"]).get(SERVICES).status_code == 200


def test_a_revoked_keys_tokens_stop_at_once(
    exchange: Exchange, key: NewApiKey, holder: Any, registry: Registry, tmp_path: Any
) -> None:
    client, direct = holder(exchange(key).json()["accessToken"]), holder(key.key)
    assert (client.get(SERVICES).status_code, direct.get(SERVICES).status_code) == (200, 200)
    with Registry.open(tmp_path / "registry.sqlite") as another_process:
        another_process.api_keys.revoke(key.stored.id)
    for answer in (client.get(SERVICES), direct.get(SERVICES), exchange(key)):
        refused(answer, 401, "revoked")


def test_a_key_expires_and_its_tokens_with_it(exchange: Exchange, holder: Any, registry: Registry, moment: Any) -> None:
    expires = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    key = registry.api_keys.create("reader", expires_at=expires)
    moment.ms = int((expires - timedelta(hours=1)).timestamp() * 1000)
    token = exchange(key).json()["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] == expires.timestamp()
    assert holder(token).get(SERVICES).status_code == 200
    moment.forward(3600)
    refused(holder(token).get(SERVICES), 401, "expired")
    refused(holder(key.key).get(SERVICES), 401, "expired")
    refused(exchange(key), 401, "expired")


def test_the_key_itself_is_a_bearer_token_of_the_same_role(key: NewApiKey, holder: Any, group: Any) -> None:
    client = holder(key.key)
    assert client.get(SERVICES).status_code == 200
    refused(client.post("registry/attribute_groups", json=group()), 403, "role writer")


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_the_older_path_takes_the_key_alone(
    stranger: Any, key: NewApiKey, registry: Registry, version: str, holder: Any
) -> None:
    path = f"/api/msc/v1/organizations/{registry.api_keys.organization()}/credentials/{version}/token"
    answer = stranger.get(path, headers={"X-API-Key": key.key})
    if version == "v3":
        refused(answer, 401, "X-API-Key-Id")
    else:
        assert holder(answer.json()["accessToken"]).get(SERVICES).status_code == 200
    refused(stranger.get(path), 401, "X-API-Key")


def test_refused_keys(exchange: Exchange, key: NewApiKey, registry: Registry) -> None:
    other = registry.api_keys.create("admin")
    for wrong in (
        key._replace(key="smk_wrong"),
        key._replace(key=other.key),
        NewApiKey(other.stored, key.key),
    ):
        refused(exchange(wrong), 401, "Unknown API key")
    refused(exchange(key, version="v2", organization=str(uuid.uuid4())), 401, registry.api_keys.organization())
    refused(exchange(key, organization=str(uuid.uuid4())), 401, "another organization")
    # A wrong key learns nothing of the organization.
    stranger_asks = exchange(key._replace(key="smk_wrong"), organization=str(uuid.uuid4()))
    assert registry.api_keys.organization() not in stranger_asks.text
    assert exchange(key, organization=registry.api_keys.organization().upper()).status_code == 200


def test_headers_that_are_no_text(stranger: Any, registry: Registry) -> None:
    path = f"/api/msc/v1/organizations/{registry.api_keys.organization()}/credentials/v3/token"
    odd = {"X-API-Key": b"schl\xfcssel", "X-API-Key-Id": b"\xff"}
    refused(stranger.get(path, headers=odd), 401, "Unknown API key")
    refused(stranger.get(f"/api/v1/{SERVICES}", headers={"Authorization": b"Bearer \xff.\xfe.\xfd"}), 401, "Unknown")


def test_forged_and_mangled_tokens(
    exchange: Exchange, key: NewApiKey, holder: Any, signing_secret: bytes, registry: Registry
) -> None:
    good = exchange(key).json()["accessToken"]
    claims = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    wrong = [
        jwt.encode(claims, b"another-secret-of-just-enough-bytes", "HS256"),
        jwt.encode(claims, signing_secret + b"0" * 40, "HS512"),
        jwt.encode(claims, None, "none"),  # type: ignore[arg-type]
        jwt.encode(claims | {"iss": "somebody"}, signing_secret, "HS256"),
        jwt.encode(claims | {"org": str(uuid.uuid4())}, signing_secret, "HS256"),
        jwt.encode(claims | {"sub": str(uuid.uuid4())}, signing_secret, "HS256"),
        *(
            jwt.encode({name: claims[name] for name in claims if name != missing}, signing_secret, "HS256")
            for missing in ("sub", "exp", "iss", "org")
        ),
        jwt.encode(claims | {"exp": "soon"}, signing_secret, "HS256"),
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{body}.{head}.{signature}",
        f"{head}.{body}.{signature[::-1]}",
        "..",
        "smk_",
        "a" * 10_000,
    ]
    for token in wrong:
        refused(holder(token).get(SERVICES), 401, "Unknown bearer token")
    # The role is the key's; what a token says of it decides nothing.
    inflated = jwt.encode(claims | {"role": "admin"}, signing_secret, "HS256")
    assert holder(inflated).get("api_keys").status_code == 403


def test_keys_are_managed_over_http(client: Any, exchange: Exchange, holder: Any, registry: Registry) -> None:
    made = client.post("api_keys", json={"role": "writer", "name": "shop", "expires_at": "2100-01-01T00:00:00Z"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    body = made.json()
    secret = body.pop("key")
    assert body.pop("organization_id") == registry.api_keys.organization()
    assert client.get("api_keys").json() == [body]
    assert (body["role"], body["name"], body["expires_at"]) == ("writer", "shop", "2100-01-01T00:00:00Z")
    (stored,) = registry.api_keys.all()
    token = exchange(NewApiKey(stored, secret)).json()["accessToken"]
    refused(holder(token).get("api_keys"), 403, "role admin")
    assert client.delete(f"api_keys/{stored.id}").json()["revoked_at"] is not None
    refused(holder(token).get(SERVICES), 401, "revoked")
    assert client.delete(f"api_keys/{uuid.uuid4()}").status_code == 404
    for wrong in ({}, {"role": "owner"}, {"role": "reader", "expires_at": "2020-01-01T00:00:00Z"}):
        assert client.post("api_keys", json=wrong).status_code == 422


def test_use_is_noted_once_and_a_failing_note_harms_nobody(
    key: NewApiKey, holder: Any, registry: Registry, app: Api, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = holder(key.key)
    assert client.get(SERVICES).status_code == 200
    runner.run(app.settle())
    noted = registry.api_keys.all()[0].last_used_at
    assert noted is not None
    calls: list[str] = []

    def fail(key_id: str) -> None:
        calls.append(key_id)
        raise OSError("no space left on device")

    monkeypatch.setattr(registry.api_keys, "note_use", fail)
    assert client.get(SERVICES).status_code == 200
    runner.run(app.settle())
    assert calls == []
    other = registry.api_keys.create("reader")
    with capture_logs() as logs:
        assert holder(other.key).get(SERVICES).status_code == 200
        runner.run(app.settle())
    assert calls == [other.stored.id]
    assert [entry["event"] for entry in logs] == ["key_use_not_noted"]


def test_a_registry_that_cannot_be_read_is_a_500_in_json(
    key: NewApiKey, holder: Any, client: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.api_keys, "all", lambda: 1 / 0)
    with capture_logs() as logs:
        answer = holder(key.key).get(SERVICES)
    assert answer.status_code == 500
    assert [entry["id"] for entry in logs] == [answer.json()["id"]]
    assert client.get(SERVICES).status_code == 200


def test_the_revision_is_asked_for_once_a_turn() -> None:
    asked: list[int] = []

    def read() -> int:
        asked.append(1)
        return len(asked)

    async def turns() -> list[int]:
        revisions = Revisions(read)
        seen = [revisions.now(), revisions.now()]
        await asyncio.sleep(0)
        return [*seen, revisions.now(), revisions.now()]

    assert asyncio.run(turns()) == [1, 1, 2, 2]


def test_the_gate_takes_microseconds(app: Api, exchange: Exchange, key: NewApiKey, runner: asyncio.Runner) -> None:
    """A known token costs a look into memory and, once a turn, a look at the revision; no signature."""
    token = exchange(key).json()["accessToken"]

    async def measure(header: bytes) -> float:
        assert app.gate.refusal(header, "reader") is None
        rounds = []
        for _ in range(50):
            await asyncio.sleep(0)
            start = time.perf_counter()
            for _ in range(20):
                app.gate.refusal(header, "reader")
            rounds.append((time.perf_counter() - start) / 20)
        return statistics.median(rounds)

    assert runner.run(measure(b"Bearer " + token.encode())) < 15e-6  # about 1.5 on a quiet machine
