"""Services that anybody may read who knows an identifier."""

import uuid
from typing import Any

import pytest

PATH = "get-online-attributes"
ANN = "3d8a1c9e-4d05-4f6e-9b1f-0a6f3a1c2b4d"


@pytest.fixture
def shop(client: Any, registry: Any, profiles: Any, group: Any, service: Any) -> Any:
    """A public service and one that is not, of the same group, with values for Ann."""
    assert client.post("registry/attribute_groups", json=group(is_published=True)).status_code == 201
    for body in (
        service("open", ("shop", 1), is_published=True, access_mode="public"),
        service("shut", ("shop", 1), is_published=True),
        service("draft", ("shop", 1), access_mode="public"),
    ):
        assert client.post("registry/services", json=body).json()["access_mode"] == body.get(
            "access_mode", "authenticated"
        )
    (stored,) = registry.groups.all()
    profiles.states = {(stored.state_id, ANN): {"views": 3, "spent": 12.5}}
    return client


def ask(client: Any, service: str = "open", identifiers: Any = (ANN,), **members: Any) -> Any:
    body = {"service": service, "attribute_keys": {"domain_userid": list(identifiers)}, **members}
    return client.post(PATH, json={name: value for name, value in body.items() if value is not None})


def crosses_origins_uncached(answer: Any) -> bool:
    headers = answer.headers
    return (headers.get("access-control-allow-origin"), headers.get("cache-control")) == ("*", "no-store")


def test_a_public_service_needs_no_token(shop: Any, stranger: Any) -> None:
    answer = ask(stranger)
    assert (answer.status_code, answer.json()) == (200, {"views": [3], "spent": [12.5]})
    assert crosses_origins_uncached(answer)
    assert ask(stranger, full_attribute_names=True).json() == {"shop_v1:views": [3], "shop_v1:spent": [12.5]}
    assert ask(stranger, identifiers=[str(uuid.uuid4())]).json() == {"views": [None], "spent": [None]}
    assert ask(stranger, identifiers=[str(uuid.uuid4()).upper()]).status_code == 200


@pytest.mark.parametrize("name", ["shut", "draft", "absent"])
def test_every_other_service_is_not_there(shop: Any, stranger: Any, name: str) -> None:
    answer = ask(stranger, name)
    assert answer.status_code == 404
    assert answer.json()["error"].replace(name, "X") == ask(stranger, "nowhere").json()["error"].replace("nowhere", "X")
    assert crosses_origins_uncached(answer)


@pytest.mark.parametrize(
    "identifiers",
    [
        [],
        [ANN, ANN],
        ["ann"],
        [""],
        [f" {ANN}"],
        [f"{ANN}\n"],
        [ANN.replace("-", "")],
        [f"{{{ANN}}}"],
        [f"urn:uuid:{ANN}"],
    ],
)
def test_one_identifier_that_nobody_can_guess(shop: Any, stranger: Any, identifiers: list[str]) -> None:
    for service in ("open", "shut"):
        answer = ask(stranger, service, identifiers)
        assert answer.status_code == 400
        assert "UUID" in answer.json()["error"]
        assert crosses_origins_uncached(answer)


def test_one_key(shop: Any, stranger: Any) -> None:
    for keys in ({}, {"domain_userid": [ANN], "user_id": [ANN]}):
        assert stranger.post(PATH, json={"service": "open", "attribute_keys": keys}).status_code == 400
    unknown = stranger.post(PATH, json={"service": "open", "attribute_keys": {"nothing": [ANN]}})
    assert unknown.status_code == 400


@pytest.mark.parametrize("attributes", [["shop_v1:views"], []])
def test_attributes_by_name_need_a_token(shop: Any, stranger: Any, attributes: list[str]) -> None:
    for service in (None, "open"):
        answer = ask(stranger, service, attributes=attributes)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"] == answer.json()["detail"]


def test_what_is_no_read_needs_a_token(shop: Any, stranger: Any) -> None:
    for content in (b"", b"{", b"[]", b'{"service": 3}', b"[" * 10_000):
        assert stranger.post(PATH, content=content).status_code == 401
    assert stranger.post(PATH, content=b" " * 20_000).status_code == 413
    assert stranger.get(PATH).status_code == 401


def test_a_wrong_token_is_not_no_token(shop: Any, holder: Any) -> None:
    assert ask(holder("wrong")).status_code == 401


def test_with_a_token_everything_is_as_ever(shop: Any) -> None:
    answer = ask(shop, identifiers=[ANN, "bob"])
    assert answer.json() == {"views": [3, None], "spent": [12.5, None]}
    assert "access-control-allow-origin" not in answer.headers
    assert ask(shop, "shut").status_code == 200


def test_the_preflight_of_a_browser(stranger: Any) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-signals-sdk-name",
    }
    answer = stranger.request("OPTIONS", PATH, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_service_is_closed_and_opened_at_once(shop: Any, stranger: Any, service: Any) -> None:
    shut = service("open", ("shop", 1), is_published=True)
    assert shop.put("registry/services/open", json=shut | {"access_mode": "authenticated"}).status_code == 200
    assert ask(stranger).status_code == 404
    assert shop.put("registry/services/open", json=shut | {"access_mode": "public"}).status_code == 200
    assert ask(stranger).status_code == 200
    # A client that knows nothing of access modes closes what it publishes again.
    assert shop.put("registry/services/open", json=shut).json()["access_mode"] == "authenticated"
    assert ask(stranger).status_code == 404
    assert shop.put("registry/services/open", json=shut | {"access_mode": "everybody"}).status_code == 422


def test_unpublishing_closes_too(shop: Any, stranger: Any) -> None:
    assert shop.post("engines/unpublish", json={"services": [{"name": "open"}]}).status_code == 200
    assert ask(stranger).status_code == 404
