"""The life of a definition through a client; prints what each step gave, so that the clients can be compared.

Everything registered carries the prefix given in the environment, which is left out of what is printed.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from snowplow_signals import (
    Attribute,
    AttributeKey,
    Event,
    Service,
    SignalsAPIError,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_userid,
)

PREFIX = os.environ["PREFIX"]
signals = SignalsSandbox(api_url=os.environ["SIGNALS_URL"], sandbox_token=os.environ["SIGNALS_TOKEN"])


def brief(item: Any) -> Any:
    """What every client shows of an object, whatever its class is called."""
    version = getattr(item, "version", None)
    return [item.name.removeprefix(PREFIX), *([version] if version else []), item.is_published]


def step(name: str, action: Callable[[], Any]) -> None:
    try:
        print(json.dumps([name, action()]))
    except SignalsAPIError as error:
        print(json.dumps([name, {"status": error.status_code}]))


views = Attribute(name="views", type="int32", aggregation="counter", events=[Event(name="page_view", version="1-0-0")])
pings = Attribute(name="pings", type="int32", aggregation="counter", events=[Event(name="page_ping")])
key = AttributeKey(name=f"{PREFIX}person", key="user_id")
group = StreamAttributeGroup(
    name=f"{PREFIX}shop", version=1, attribute_key=domain_userid, attributes=[views], owner="data@example.com"
)
changed = StreamAttributeGroup(
    name=f"{PREFIX}shop",
    version=1,
    attribute_key=domain_userid,
    attributes=[views, pings],
    owner="data@example.com",
)
second = StreamAttributeGroup(
    name=f"{PREFIX}shop",
    version=2,
    attribute_key=key,
    attributes=[views, pings],
    owner="data@example.com",
)
service = Service(name=f"{PREFIX}storefront", attribute_groups=[group], owner="data@example.com")
both = [group, service]

step(
    "service before it is published",
    lambda: signals.get_service_attributes(service.name, "domain_userid", "u1"),
)
step("service of an unknown group", lambda: signals.publish([service]))
step("publish", lambda: [brief(item) for item in signals.publish([service, group, key])])
step("publish the same again", lambda: [brief(item) for item in signals.publish(both)])
step("publish another content", lambda: [brief(item) for item in signals.publish([changed])])
step("publish the next version", lambda: [brief(item) for item in signals.publish([second])])
step("latest version", lambda: brief(signals.get_attribute_group(group.name)))
step("first version", lambda: brief(signals.get_attribute_group(group.name, 1)))
step(
    "attributes of the latest",
    lambda: [a.name for a in signals.get_attribute_group(group.name).attributes or []],
)
step("unknown version", lambda: brief(signals.get_attribute_group(group.name, 9)))
step("service", lambda: brief(signals.registry.get_service(service.name)))
step("unknown service", lambda: brief(signals.registry.get_service(f"{PREFIX}nothing")))
step("read the service", lambda: service.get_attributes(signals, "domain_userid", "u1"))
step("read a group", lambda: signals.get_group_attributes(group.name, 2, ["views", "pings"], key.name, "u1"))
step("read one attribute", lambda: signals.get_group_attributes(group.name, 1, "views", "domain_userid", "u1"))
step(
    "read an unknown one",
    lambda: signals.get_group_attributes(group.name, 1, "clicks", "domain_userid", "u1"),
)
step("unpublish what a service uses", lambda: [brief(item) for item in signals.unpublish([group])])
step("delete what is published", lambda: signals.delete([second]))
step("delete a key in use", lambda: signals.delete([key]))
step("unpublish the service", lambda: [brief(item) for item in signals.unpublish([service])])
step("read it then", lambda: service.get_attributes(signals, "domain_userid", "u1"))
step("delete the service", lambda: signals.delete([service]))
step("unpublish both versions", lambda: [brief(item) for item in signals.unpublish([group, second])])
step("republish one", lambda: [brief(item) for item in signals.publish([group])])
step("unpublish it again", lambda: [brief(item) for item in signals.unpublish([group])])
step("change it while unpublished", lambda: [brief(item) for item in signals.publish([changed])])
step("unpublish the changed", lambda: [brief(item) for item in signals.unpublish([changed])])
step("unpublish the key", lambda: [brief(item) for item in signals.unpublish([key])])
step("delete everything", lambda: signals.delete([key, changed, second]))
step("nothing is left", lambda: brief(signals.get_attribute_group(group.name)))
