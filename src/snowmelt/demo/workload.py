"""Enriched events of the made-up shop, for benchmarks: many, quickly, and the same every time."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from snowmelt.demo.tutorial import ECOMMERCE

ACTION = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
PRODUCT = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def shop_events(count: int, users: int, seed: int = 1) -> Iterator[dict[str, object]]:
    """Enriched events of about 1.8 KB each: six in ten product views, two in ten carts, the rest page views.

    Args:
        count: how many.
        users: how many distinct ``domain_userid`` there are; each event takes one at random.
        seed: of the random numbers; equal seeds give equal events.
    """
    rng = random.Random(seed)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(users)]
    for number in range(count):
        when = START + timedelta(milliseconds=number * 7)
        stamp = f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"
        user = rng.choice(ids)
        kind = rng.choices(("product_view", "add_to_cart", None), weights=(6, 2, 2))[0]
        sku = rng.randrange(5_000)
        event: dict[str, object] = {
            "app_id": "shop",
            "platform": "web",
            "etl_tstamp": stamp,
            "collector_tstamp": stamp,
            "dvce_created_tstamp": stamp,
            "event": "unstruct" if kind else "page_view",
            "event_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "name_tracker": "sp",
            "v_tracker": "js-4.6.8",
            "v_collector": "snowmelt-0.1.0",
            "v_etl": "snowmelt-0.1.0",
            "user_ipaddress": "203.0.113.7",
            "domain_userid": user,
            "domain_sessionidx": rng.randrange(1, 40),
            "network_userid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "page_url": f"https://shop.example/products/{sku}?ref=list&position={sku % 24}",
            "page_title": f"Product {sku}, made to last | Shop",
            "page_referrer": "https://shop.example/category/lighting",
            "page_urlscheme": "https",
            "page_urlhost": "shop.example",
            "page_urlport": 443,
            "page_urlpath": f"/products/{sku}",
            "page_urlquery": f"ref=list&position={sku % 24}",
            "refr_medium": "internal",
            "useragent": USER_AGENT,
            "br_lang": "en-GB",
            "br_cookies": True,
            "br_colordepth": "24",
            "br_viewwidth": 1440,
            "br_viewheight": 812,
            "os_timezone": "Europe/Berlin",
            "dvce_screenwidth": 1920,
            "dvce_screenheight": 1080,
            "doc_charset": "UTF-8",
            "doc_width": 1440,
            "doc_height": 2380,
            "dvce_sent_tstamp": stamp,
            "domain_sessionid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "derived_tstamp": stamp,
            "event_vendor": ECOMMERCE if kind else "com.snowplowanalytics.snowplow",
            "event_name": "snowplow_ecommerce_action" if kind else "page_view",
            "event_format": "jsonschema",
            "event_version": "1-0-2" if kind else "1-0-0",
            "contexts_com_snowplowanalytics_snowplow_web_page_1": [
                {"id": str(uuid.UUID(int=rng.getrandbits(128), version=4))}
            ],
        }
        if kind:
            event[ACTION] = {"type": kind}
            event[PRODUCT] = [
                {
                    "id": f"SKU-{sku}",
                    "name": f"Product {sku}",
                    "category": "home/lighting/desk",
                    "price": rng.randrange(100, 20_000) / 100,
                    "currency": "EUR",
                    "brand": "Nordlys",
                }
            ]
        yield event


def shop_lines(count: int, users: int, seed: int = 1) -> list[bytes]:
    """The same events as JSON lines."""
    encode = msgspec.json.Encoder().encode
    return [encode(event) for event in shop_events(count, users, seed)]
