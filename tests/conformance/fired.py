"""The tutorial's three interventions, published and received; run with each client in turn.

The tutorial's attribute group must be there. The first line that comes in is the JSON of the targets to subscribe to.
Prints ``["open"]`` once the subscription is, and then every intervention, in the order in which they come.
"""

import json
import os
import time
from typing import Any
from uuid import uuid4

from snowplow_signals import (
    AttributeKeyIdentifiers,
    InterventionCriterion,
    InterventionInstance,
    LinkAttributeKey,
    RuleIntervention,
    SignalsSandbox,
)

signals = SignalsSandbox(api_url=os.environ["SIGNALS_URL"], sandbox_token=os.environ["SIGNALS_TOKEN"])


def rule(name: str, attribute: str, value: float) -> RuleIntervention:
    return RuleIntervention(
        name=name,
        version=1,
        criteria=InterventionCriterion(attribute=f"ecom_attributes:{attribute}", operator=">", value=value),
        target_attribute_keys=[LinkAttributeKey(name="user_id"), LinkAttributeKey(name="domain_userid")],
        owner="user@company.com",
    )


rules = [
    rule("cart_abandonment", "count_add_to_cart", 0),
    rule("discount", "count_product_views", 3),
    rule("free_shipping", "total_cart_value", 100),
]
print(json.dumps({"published": [item.name for item in signals.publish(rules)]}))


def show(one: Any) -> None:
    """Say what has come, except the probe."""
    if one.name != "probe":
        key = one.target_attribute_key
        print(json.dumps([one.intervention_id, one.name, one.version, one.attributes, key.name, key.id]))


targets: dict[str, list[str]] = json.loads(input())
probe = AttributeKeyIdentifiers({"domain_sessionid": [str(uuid4())]})
subscription = signals.pull_interventions(AttributeKeyIdentifiers(targets | probe.root))
subscription.add_handler(show)
subscription.start()
deadline = time.monotonic() + 20
while signals.push_intervention(probe, InterventionInstance(name="probe", version=1)) != "success":
    # Nobody is subscribed before the stream is open.
    assert time.monotonic() < deadline, "the stream does not open"
    time.sleep(0.01)
print(json.dumps(["open"]))
input()
subscription.stop()
