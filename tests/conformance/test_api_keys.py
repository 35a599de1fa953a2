"""API keys and their tokens, through the vendor's client and ours."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.process

WAYS = ["token as sandbox token", "key as sandbox token", "token set", "token fetched"]


def test_a_readers_key_in_every_way_a_client_has(running: Any, server: Any, shop: Any) -> None:
    keys = f"{server.url}/api/v1/api_keys"
    key = httpx.post(keys, json={"role": "reader"}, headers=shop.auth).json()
    answer = httpx.get(
        f"{server.url}/api/msc/v1/organizations/{key['organization_id']}/credentials/v3/token",
        headers={"X-API-Key-Id": key["id"], "X-API-Key": key["key"]},
    )
    environment = {
        "READER_TOKEN": answer.json()["accessToken"],
        "READER_KEY": key["key"],
        "READER_KEY_ID": key["id"],
        "READER_ORGANIZATION": key["organization_id"],
    }
    values = dict.fromkeys(("count_product_views", "count_add_to_cart", "total_cart_value"))
    with running("api_keys.py", **environment) as user:
        assert user.hear() == {way: [values, {"status": 403}] for way in WAYS}
        user.tell("again")
        assert user.hear() == dict.fromkeys(WAYS, values)
        assert httpx.delete(f"{keys}/{key['id']}", headers=shop.auth).status_code == 200
        user.tell("again, revoked")
        assert user.hear() == {way: {"status": 401} for way in WAYS}
