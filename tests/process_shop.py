"""The tutorial's definitions and a shop's tracker, for tests of whole servers."""

import json
import uuid
from typing import Any

import httpx

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
TP2 = "/com.snowplowanalytics.snowplow/tp2"
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"


def tutorial_group() -> dict[str, Any]:
    """The tutorial's group, as it goes over the wire."""
    action = {"vendor": ECOMMERCE, "name": "snowplow_ecommerce_action", "major_version": 1, "path": "type"}

    def attribute(name: str, kind: str, **more: Any) -> dict[str, Any]:
        criterion = {"property": {"type": "event", **action}, "operator": "=", "value": kind}
        return {
            "name": name,
            "type": "int32",
            "aggregation": "counter",
            "events": [{"name": "snowplow_ecommerce_action"}],
            "criteria": {"all": [criterion]},
        } | more

    price = {"type": "entity", "vendor": ECOMMERCE, "name": "product", "major_version": 1, "path": "price"}
    return {
        "name": "ecom_attributes",
        "version": 1,
        "owner": "user@company.com",
        "is_published": True,
        "attribute_key": {"name": "domain_userid", "key": "domain_userid"},
        "attributes": [
            attribute("count_product_views", "product_view"),
            attribute("count_add_to_cart", "add_to_cart"),
            attribute("total_cart_value", "add_to_cart", type="double", aggregation="sum", property=price),
        ],
    }


class Shop:
    """A client of one server: publishes, tracks over plain HTTP, and reads."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.auth = {"Authorization": f"Bearer {token}"}

    def publish(self) -> None:
        """The tutorial's group and service."""
        service = {
            "name": "ecom_attributes",
            "owner": "user@company.com",
            "is_published": True,
            "attribute_groups": [{"name": "ecom_attributes", "version": 1}],
        }
        for path, body in (("attribute_groups", tutorial_group()), ("services", service)):
            answer = self.http.post(f"/api/v1/registry/{path}/", json=body, headers=self.auth)
            assert answer.status_code == 201, answer.text

    def track(self, events: list[dict[str, str]]) -> None:
        """Send events in one request; raises if it was not acknowledged."""
        self.http.post(TP2, json={"schema": PAYLOAD_DATA, "data": events}).raise_for_status()

    def read(self, identifiers: list[str]) -> list[tuple[Any, Any, Any]]:
        """(views, carts, total) of each identifier."""
        rows: list[tuple[Any, Any, Any]] = []
        for start in range(0, len(identifiers), 1000):
            body = {
                "service": "ecom_attributes",
                "attribute_keys": {"domain_userid": identifiers[start : start + 1000]},
            }
            answer = self.http.post("/api/v1/get-online-attributes", json=body, headers=self.auth)
            assert answer.status_code == 200, answer.text
            columns = answer.json()
            names = ("count_product_views", "count_add_to_cart", "total_cart_value")
            rows += zip(*(columns[name] for name in names), strict=True)
        return rows


def shop_event(user: str, kind: str, price: float | None = None) -> dict[str, str]:
    """One ecommerce event in the tracker protocol."""
    sdj = {"schema": f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2", "data": {"type": kind}}
    event = {
        "e": "ue",
        "eid": str(uuid.uuid4()),
        "tv": "test-1.0",
        "p": "web",
        "duid": user,
        "ue_pr": json.dumps(
            {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": sdj}
        ),
    }
    if price is not None:
        product = {"id": "p", "category": "c", "price": price, "currency": "EUR"}
        entity = {"schema": f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0", "data": product}
        event["co"] = json.dumps(
            {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1", "data": [entity]}
        )
    return event
