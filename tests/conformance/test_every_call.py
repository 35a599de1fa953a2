"""Every call of the vendor's clients against a real server, and what came of it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from conformance.record import recorded, same_as_recorded
from isolated_environment import node_packages
from snowmelt import (
    Attribute,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_userid,
)

pytestmark = pytest.mark.process

HERE = Path(__file__).parent
NODE = HERE / "node"
SHOP, ACTION = "com.snowplowanalytics.snowplow.ecommerce", "snowplow_ecommerce_action"


def visit(browser: Any) -> None:
    """What the scripts expect to have been tracked: two carts, worth 30.75."""
    browser.does("product_view", [19.99])
    browser.does("add_to_cart", [10.5])
    browser.does("add_to_cart", [20.25, 99.0])
    browser.arrives()


def test_every_call_of_the_python_clients(sdk: Any, running: Any, server: Any, shopper: Any, tmp_path: Path) -> None:
    visitor = str(uuid4())
    results: dict[str, str] = {}
    with running("every_call.py", PREFIX=f"p{uuid4().hex[:8]}_", VISITOR=visitor, FOLDER=str(tmp_path / "set")) as user:
        while (heard := user.hear())[0] != "end":
            call, result = heard
            if call == "track":
                visit(shopper(visitor))
                server.flush()
                user.tell("")
            else:
                results[call] = result
    wrong = [f"{call}: {result}" for call, result in results.items() if result not in ("works", "later")]
    assert not wrong, "\n".join(wrong)
    assert same_as_recorded(sdk.name, results), "run again with RECORD=1, then `make docs`"


def test_no_call_of_the_vendor_is_left_out(sdk_named: Any) -> None:
    """The calls of the client and of what hangs on it, as the vendor's own package has them."""
    vendor = sdk_named("vendor")
    done = subprocess.run(
        [str(vendor.python), str(HERE / "surface.py")],
        capture_output=True,
        check=True,
        timeout=60,
        env=vendor.environment(),
        cwd=HERE,
    )
    faces = json.loads(done.stdout)["calls"]
    there = {name if face == "client" else f"{face}.{name}" for face, calls in faces.items() for name in calls}
    assert there <= {call.split("(")[0] for call in recorded("vendor")}


def test_every_call_of_the_node_client(server: Any, shopper: Any) -> None:
    visitor, stranger = str(uuid4()), str(uuid4())
    kind = EventProperty(vendor=SHOP, name=ACTION, major_version=1, path="type")
    price = EntityProperty(vendor=SHOP, name="product", major_version=1, path="price")
    cart: Any = {"events": [Event(name=ACTION)], "criteria": Criteria(all=[Criterion.eq(kind, "add_to_cart")])}
    attributes = [
        Attribute(name="carts", type="int32", aggregation="counter", **cart),
        Attribute(name="spent", type="double", aggregation="sum", property=price, **cart),
    ]
    group = StreamAttributeGroup(
        name="node_shop", attribute_key=domain_userid, attributes=attributes, owner="data@example.com"
    )
    service = Service(name="node_storefront", attribute_groups=[group], owner="data@example.com")
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        signals.publish([group, service])
    visit(shopper(visitor))
    server.flush()

    names = {"SERVICE": service.name, "GROUP": group.name, "VISITOR": visitor, "STRANGER": stranger}
    address = {"SIGNALS_URL": server.url, "SIGNALS_TOKEN": server.token, "NO_PROXY": "127.0.0.1,localhost"}
    done = subprocess.run(
        ["node", str(NODE / "every_call.mjs")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **names, **address, "PACKAGES": str(node_packages(NODE))},
    )
    assert done.returncode == 0, done.stderr
    *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
    results = dict(lines)
    assert set(results.values()) == {"works"}, results
    assert set(end[1]) <= set(results)
    assert same_as_recorded("node", results), "run again with RECORD=1, then `make docs`"
