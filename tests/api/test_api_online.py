"""Reading attributes: forms, columns, keys, errors."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from snowmelt.api.app import Api
from snowmelt.stores.registry import Registry

PATH = "get-online-attributes"


@pytest.fixture
def shop(client: Any, registry, profiles, group, service) -> Any:
    """Two groups of one key, one of another, and a service of all; values for ann and her session."""
    for body in (
        group(is_published=True),
        group(
            "profile",
            2,
            is_published=True,
            attributes=[
                {"name": "views", "type": "int32", "aggregation": "counter", "default_value": -1},
                {
                    "name": "country",
                    "type": "string",
                    "aggregation": "last",
                    "property": {"type": "atomic", "name": "geo_country"},
                    "default_value": "?",
                },
            ],
        ),
        group(
            "visit",
            is_published=True,
            attribute_key={"name": "domain_sessionid"},
            attributes=[
                {
                    "name": "pages",
                    "type": "string_list",
                    "aggregation": "unique_list",
                    "property": {"type": "atomic", "name": "page_urlpath"},
                },
            ],
        ),
    ):
        assert client.post("registry/attribute_groups/", json=body).status_code == 201
    links = ("shop", 1), ("profile", 2), ("visit", 1)
    assert client.post("registry/services/", json=service("all", *links, is_published=True)).status_code == 201
    state = {stored.group.name: stored.state_id for stored in registry.groups.all()}
    profiles.states = {
        (state["shop"], "ann"): {"views": 3, "spent": 12.5},
        (state["shop"], "eve"): {"views": 1},
        (state["profile"], "ann"): {"views": 30, "country": "NO"},
        (state["visit"], "s1"): {"pages": ["/", "/cart"]},
    }
    return client


def read(client: Any, **body: Any) -> Any:
    response = client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_service_gives_every_attribute_of_its_groups(shop: Any) -> None:
    keys = {"domain_userid": ["ann"], "domain_sessionid": ["s1"]}
    assert read(shop, service="all", attribute_keys=keys) == {
        "views": [3],
        "spent": [12.5],
        "country": ["NO"],
        "pages": [["/", "/cart"]],
    }


def test_columns_may_be_fully_named(shop: Any) -> None:
    keys = {"domain_userid": ["ann"], "domain_sessionid": ["s1"]}
    assert read(shop, service="all", attribute_keys=keys, full_attribute_names=True) == {
        "shop_v1:views": [3],
        "shop_v1:spent": [12.5],
        "profile_v2:views": [30],
        "profile_v2:country": ["NO"],
        "visit_v1:pages": [["/", "/cart"]],
    }


def test_attributes_may_be_listed_across_groups(shop: Any) -> None:
    names = ["profile_v2:country", "shop_v1:spent"]
    keys = {"domain_userid": ["eve", "ann", "nobody"]}
    assert read(shop, attributes=names, attribute_keys=keys, full_attribute_names=False) == {
        "country": ["?", "NO", "?"],
        "spent": [None, 12.5, None],
    }
    full = read(shop, attributes=names, attribute_keys=keys, full_attribute_names=True)
    assert full == {"profile_v2:country": ["?", "NO", "?"], "shop_v1:spent": [None, 12.5, None]}


def test_of_two_columns_with_one_name_the_first_stays(shop: Any) -> None:
    keys = {"domain_userid": ["ann"]}
    assert read(shop, attributes=["profile_v2:views", "shop_v1:views"], attribute_keys=keys) == {"views": [30]}
    assert read(shop, attributes=["shop_v1:views", "profile_v2:views"], attribute_keys=keys) == {"views": [3]}


def test_an_attribute_asked_for_twice_is_one_column(shop: Any) -> None:
    names = ["shop_v1:views", "shop_v1:views"]
    assert read(shop, attributes=names, attribute_keys={"domain_userid": ["ann"]}) == {"views": [3]}


def test_unknown_identifiers_are_null(shop: Any) -> None:
    keys = {"domain_userid": ["nobody"], "domain_sessionid": ["none"]}
    answer = read(shop, service="all", attribute_keys=keys)
    assert answer == {"views": [None], "spent": [None], "country": ["?"], "pages": [None]}


def test_a_group_without_its_key_is_null_and_not_read_by_another(shop: Any) -> None:
    answer = read(shop, service="all", attribute_keys={"domain_sessionid": ["s1"]})
    assert answer == {"views": [None], "spent": [None], "country": [None], "pages": [["/", "/cart"]]}
    answer = read(shop, service="all", attribute_keys={"domain_sessionid": ["ann", "s1"]})
    assert answer == {
        "views": [None] * 2,
        "spent": [None] * 2,
        "country": [None] * 2,
        "pages": [None, ["/", "/cart"]],
    }
    assert read(shop, service="all", attribute_keys={"user_id": ["ann"]})["views"] == [None]


def test_several_keys_are_zipped(shop: Any) -> None:
    keys = {"domain_userid": ["ann", "eve"], "domain_sessionid": ["none", "s1"]}
    answer = read(shop, service="all", attribute_keys=keys)
    assert answer["views"] == [3, 1]
    assert answer["pages"] == [None, ["/", "/cart"]]


def test_a_thousand_identifiers_in_one_call(shop: Any, profiles) -> None:
    profiles.calls = 0
    identifiers = [f"user-{i}" for i in range(999)] + ["ann"]
    answer = read(shop, service="all", attribute_keys={"domain_userid": identifiers})
    assert answer["views"] == [None] * 999 + [3]
    assert profiles.calls == 1
    body = {"service": "all", "attribute_keys": {"domain_userid": [*identifiers, "one more"]}}
    assert "at most 1000" in shop.post(PATH, json=body).json()["error"]


def test_unpublished_groups_can_still_be_read_but_not_unpublished_services(shop: Any, group, service) -> None:
    links = ("shop", 1), ("profile", 2), ("visit", 1)
    shop.put("registry/services/all", json=service("all", *links, is_published=False))
    body = {"service": "all", "attribute_keys": {"domain_userid": ["ann"]}}
    response = shop.post(PATH, json=body)
    assert response.status_code == 404
    assert "all" in response.json()["error"]

    shop.put("registry/services/all", json=service("all", ("profile", 2)))
    assert shop.put("registry/attribute_groups/shop/versions/1", json=group()).json()["is_published"] is False
    assert read(shop, attributes=["shop_v1:views"], attribute_keys={"domain_userid": ["ann"]}) == {"views": [3]}


def test_changes_are_seen_by_the_next_read(shop: Any, registry, service) -> None:
    keys = {"domain_userid": ["ann"]}
    assert len(read(shop, service="all", attribute_keys=keys)) == 4
    shop.put("registry/services/all", json=service("all", ("profile", 2), is_published=True))
    assert read(shop, service="all", attribute_keys=keys) == {"views": [30], "country": ["NO"]}


def test_group_names_may_look_like_versions(shop: Any, group, registry, profiles) -> None:
    shop.post("registry/attribute_groups", json=group("shop_v2", is_published=True))
    profiles.states[(registry.groups.get("shop_v2").state_id, "ann")] = {"views": 8}
    keys = {"domain_userid": ["ann"]}
    assert read(shop, attributes=["shop_v2_v1:views"], attribute_keys=keys) == {"views": [8]}


def test_groups_of_a_warehouse_have_columns_without_values(shop: Any, group) -> None:
    source = {"name": "crm", "database": "DB", "schema": "ML", "table": "CRM", "timestamp_field": "TS"}
    external = group(
        "crm",
        offline=True,
        attributes=None,
        batch_source=source,
        is_published=True,
        attribute_key={"name": "customer_id", "external_column": "customer_id"},
        fields=[{"name": "segment", "type": "string"}],
    )
    assert shop.post("registry/attribute_groups", json=external).status_code == 201
    keys = {"customer_id": ["c1", "c2"]}
    assert read(shop, attributes=["crm_v1:segment"], attribute_keys=keys) == {"segment": [None, None]}


def test_drafts_that_cannot_be_computed_have_their_defaults(shop: Any, group) -> None:
    mean = {"name": "price", "type": "double", "aggregation": "mean", "default_value": 9.5}
    draft = group("draft", attributes=[mean | {"property": {"type": "atomic", "name": "ti_price"}}])
    assert shop.post("registry/attribute_groups", json=draft).status_code == 201
    keys = {"domain_userid": ["ann", "eve"]}
    assert read(shop, attributes=["draft_v1:price"], attribute_keys=keys) == {"price": [9.5, 9.5]}


KEYS = {"domain_userid": ["ann"]}


ERRORS: list[tuple[int, Any]] = [
    (404, {"service": "absent", "attribute_keys": KEYS}),
    (404, {"attributes": ["absent_v1:views"], "attribute_keys": KEYS}),
    (404, {"attributes": ["shop_v2:views"], "attribute_keys": KEYS}),
    (404, {"attributes": ["shop_v1:absent"], "attribute_keys": KEYS}),
    (400, {"attributes": ["views"], "attribute_keys": KEYS}),
    (400, {"attributes": ["shop_v1:views\n"], "attribute_keys": KEYS}),
    (400, {"attributes": ["shop:views"], "attribute_keys": KEYS}),
    (400, {"attributes": [], "attribute_keys": KEYS}),
    (400, {"attributes": "shop_v1:views", "attribute_keys": KEYS}),
    (400, {"service": "all", "attributes": ["shop_v1:views"], "attribute_keys": KEYS}),
    (400, {"attribute_keys": KEYS}),
    (400, {"service": "all"}),
    (400, {"service": "all", "attribute_keys": None}),
    (400, {"service": "all", "attribute_keys": {}}),
    (400, {"service": "all", "attribute_keys": {"domain_userid": []}}),
    (400, {"service": "all", "attribute_keys": {"domain_userid": [1]}}),
    (400, {"service": "all", "attribute_keys": {"domain_userid": [None]}}),
    (400, {"service": "all", "attribute_keys": {"domain_userid": "ann"}}),
    (400, {"service": "all", "attribute_keys": {"absent": ["ann"]}}),
    (400, {"service": "all", "attribute_keys": {"domain_userid": ["a"], "domain_sessionid": ["b", "c"]}}),
    (400, {"service": "all", "attribute_keys": {f"k{i}": ["a"] for i in range(101)}}),
    (400, ["service"]),
]


def test_errors(shop: Any) -> None:
    for status, body in ERRORS:
        response = shop.post(PATH, json=body)
        assert response.status_code == status, (body, response.text)
        answer = response.json()
        assert answer["error"] == answer["detail"] != ""


def test_what_is_not_json_is_refused(shop: Any) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000, b'{"service": "all"', b'"\\ud800"'):
        assert shop.post(PATH, content=body).status_code == 400, body[:20]


def test_null_members_are_absent_and_unknown_ones_ignored(shop: Any) -> None:
    body = {
        "service": "all",
        "attributes": None,
        "full_attribute_names": None,
        "new": 1,
        "attribute_keys": KEYS,
    }
    assert read(shop, **body)["views"] == [3]


def test_requests_of_one_turn_share_the_look_at_the_registry(
    shop: Any, app: Api, registry: Registry, runner: asyncio.Runner, service, monkeypatch
) -> None:
    """Also then a change that is committed before a request is sent is seen by it."""
    looks = 0
    revision = registry.revision

    def counted() -> int:
        nonlocal looks
        looks += 1
        return revision()

    monkeypatch.setattr(registry, "revision", counted)
    body = {"service": "all", "attribute_keys": KEYS}

    async def together() -> None:
        transport = httpx.ASGITransport(app=app)
        headers = {"Authorization": shop.headers["Authorization"]}
        async with httpx.AsyncClient(transport=transport, base_url="http://snowmelt.test", headers=headers) as client:
            path = f"/api/v1/{PATH}"
            await asyncio.gather(*(client.post(path, json=body) for _ in range(20)))
            assert looks < 20
            changed = service("all", ("profile", 2), is_published=True)
            await client.put("/api/v1/registry/services/all", json=changed)
            answers = await asyncio.gather(*(client.post(path, json=body) for _ in range(20)))
            assert {len(answer.json()) for answer in answers} == {2}

    runner.run(together())


def test_a_slash_at_the_end_changes_nothing(shop: Any) -> None:
    body = {"service": "all", "attribute_keys": KEYS}
    assert shop.post(f"{PATH}/", json=body).json() == shop.post(PATH, json=body).json()


def test_other_methods(shop: Any) -> None:
    response = shop.get(PATH)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


def test_a_large_body_is_refused(shop: Any) -> None:
    assert shop.post(PATH, content=b" " * (9 * 1024**2)).status_code == 413


def test_the_body_may_come_in_pieces(shop: Any) -> None:
    body = msgspec.json.encode({"service": "all", "attribute_keys": KEYS})

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    response = shop.post(PATH, content=pieces())
    assert response.json()["views"] == [3]
