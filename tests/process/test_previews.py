"""Previews through a real server: the engine's own counting, over what the log holds, held apart from everything."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import Server
from process_shop import Shop, shop_event, tutorial_group
from snowmelt import RuleIntervention, SignalsSandbox, StreamAttributeGroup

pytestmark = pytest.mark.process

GROUP = tutorial_group() | {"name": "tried", "is_published": False}


def ask(shop: Shop, path: str, **body: Any) -> Any:
    answer = shop.http.post(f"/api/v1/testing/{path}/", json=body, headers=shop.auth)
    assert answer.status_code == 200, answer.text
    assert datetime.fromisoformat(answer.headers["snowmelt-events-since"]).tzinfo is not None
    return answer.json()


def test_a_preview_gives_what_publishing_would_have_given(shop: Shop, server: Server) -> None:
    users = [str(uuid4()) for _ in range(12)]
    for number, user in enumerate(users):
        app = "web" if number % 2 else "app"
        shop.track([shop_event(user, "add_to_cart", 2.5) | {"aid": app} for _ in range(number + 1)])
        shop.track([shop_event(user, "product_view", 1.0) | {"aid": app}])
    repeated = shop_event(users[0], "add_to_cart", 2.5) | {"aid": "app"}
    for _ in range(3):
        shop.track([repeated])
    server.flush()
    rows = ask(shop, "attribute_groups", attribute_group=GROUP, attribute_key_ids=[*users, str(uuid4())])
    assert list(rows[0]) == [
        "domain_userid",
        "count_product_views",
        "count_add_to_cart",
        "total_cart_value",
    ]
    assert [tuple(row.values()) for row in rows] == [
        (user, *values) for user, values in zip(users, shop.read(users), strict=True)
    ]
    sample = ask(shop, "attribute_groups", attribute_group=GROUP)
    assert len(sample) == 10 and all(row in rows for row in sample)
    web = ask(shop, "attribute_groups", attribute_group=GROUP, app_ids=["web"], attribute_key_ids=users)
    assert web == rows[1::2]
    assert ask(shop, "attribute_groups", attribute_group=GROUP, window="PT0.001S") == []

    rule = {
        "name": "spender",
        "version": 1,
        "owner": "user@company.com",
        "criteria": {"attribute": "ecom_attributes:total_cart_value", "operator": ">", "value": 20},
    }
    found = ask(shop, "interventions", intervention=rule)
    expected = [user for user, (_, _, total) in zip(users, shop.read(users), strict=True) if total > 20]
    assert (found["scanned_count"], found["matched_count"]) == (12, len(expected))
    assert sorted(found["matches"]["domain_userid"]) == sorted(expected)
    changed = rule | {"criteria": {"attribute": "ecom_attributes:total_cart_value", "operator": "changed"}}
    everybody = ask(shop, "interventions", intervention=changed)
    assert everybody["matched_count"] == 12 and len(everybody["matches"]["domain_userid"]) == 10

    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        frame = signals.test(StreamAttributeGroup.model_validate(GROUP), attribute_key_ids=users[:2])
        assert frame.to_dict("records") == rows[:2]
        reached = signals.test_intervention(RuleIntervention.model_validate(rule), window=timedelta(minutes=30))
        assert reached.matched_count == len(expected)


def test_a_preview_that_takes_too_long_or_too_much_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "snowmelt.toml").write_text("[previews]\nseconds = 0.001\n")
    server = Server(tmp_path / "data")
    try:
        shop = Shop(server.url, server.token)
        shop.publish()
        for _ in range(20):
            shop.track([shop_event(str(uuid4()), "add_to_cart", 1.0) for _ in range(50)])
        body = {"attribute_group": GROUP}
        answer = shop.http.post("/api/v1/testing/attribute_groups/", json=body, headers=shop.auth)
        assert answer.status_code == 503, answer.text
        assert "more events than can be counted" in answer.json()["error"]
        assert httpx.get(f"{server.url}/health").text == "ok"
        shop.http.close()
    finally:
        server.close()
