"""Every call of the public client, each with what came of it; the calls that fill tables of results.

Prints a JSON line ``[call, result]`` for each: ``works`` if the server did what the call asks for, ``later`` if
this release answers that it comes later, else what went wrong. Everything that is registered carries the prefix
given in the environment. Where events are needed, the script says ``["track", ...]`` and waits for a line.
"""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from snowplow_signals import (
    Attribute,
    AttributeKey,
    AttributeKeyIdentifiers,
    BatchAttributeGroup,
    BatchSource,
    Criteria,
    Criterion,
    DatasetBundle,
    EntityProperty,
    Event,
    EventLog,
    EventLogAtomicProperty,
    EventLogEvent,
    EventProperty,
    EventSelection,
    ExternalBatchAttributeGroup,
    Field,
    InterventionCriteriaAll,
    InterventionCriteriaNone,
    InterventionCriterion,
    InterventionInstance,
    LinkAttributeKey,
    RuleIntervention,
    Service,
    SignalsAPIError,
    SignalsSandbox,
    StreamAttributeGroup,
    TrainingSpan,
    UserSuppliedAnchors,
    WarehouseTable,
    domain_sessionid,
    domain_userid,
)

PREFIX, VISITOR, FOLDER = os.environ["PREFIX"], os.environ["VISITOR"], os.environ["FOLDER"]
URL, TOKEN = os.environ["SIGNALS_URL"], os.environ["SIGNALS_TOKEN"]
SHOP, ACTION = "com.snowplowanalytics.snowplow.ecommerce", "snowplow_ecommerce_action"
LATER = "not available in this release of Snowmelt"
OWNER = "data@example.com"

signals = SignalsSandbox(api_url=URL, sandbox_token=TOKEN)


def call(name: str, action: Callable[[], Any], expected: Any) -> None:
    """Say what came of a call, and whether it is what it must be."""
    try:
        given = action()
    except SignalsAPIError as error:
        told = error.message.get("detail") if isinstance(error.message, dict) else None
        later = error.status_code == 501 and isinstance(told, str) and LATER in told
        result = "later" if later else f"refused: {error.status_code} {error.message}"
    except Exception as error:
        result = "later" if type(error).__name__ == "NotYetAvailableError" else f"{type(error).__name__}: {error}"
    else:
        result = "works" if given == expected else f"gave {given!r} instead of {expected!r}"
    print(json.dumps([name, result]))


def refused(action: Callable[[], Any]) -> int | None:
    """The status that a call is refused with."""
    try:
        action()
    except SignalsAPIError as error:
        return error.status_code
    return None


def states(items: list[Any]) -> list[tuple[str, bool]]:
    return [(item.name.removeprefix(PREFIX), item.is_published) for item in items]


kind = EventProperty(vendor=SHOP, name=ACTION, major_version=1, path="type")
price = EntityProperty(vendor=SHOP, name="product", major_version=1, path="price")
in_cart = {
    "events": [Event(name=ACTION)],
    "criteria": Criteria(all=[Criterion.eq(kind, "add_to_cart")]),
}
carts = Attribute(name="carts", type="int32", aggregation="counter", **in_cart)
spent = Attribute(name="spent", type="double", aggregation="sum", property=price, **in_cart)
source = BatchSource(name="crm", database="DB", schema="CRM", table="CUSTOMERS", timestamp_field="UPDATED")

key = AttributeKey(name=f"{PREFIX}person", key="user_id")
stream = StreamAttributeGroup(
    name=f"{PREFIX}shop", version=1, attribute_key=domain_userid, attributes=[carts, spent], owner=OWNER
)
batch = BatchAttributeGroup(
    name=f"{PREFIX}past", version=2, attribute_key=domain_userid, attributes=[carts], batch_source=source, owner=OWNER
)
external = ExternalBatchAttributeGroup(
    name=f"{PREFIX}crm",
    version=1,
    attribute_key=AttributeKey(name=f"{PREFIX}customer", key="user_id"),
    fields=[Field(name="tier", type="string")],
    batch_source=source,
    owner=OWNER,
)
service = Service(name=f"{PREFIX}storefront", attribute_groups=[stream], owner=OWNER)
rule = RuleIntervention(
    name=f"{PREFIX}nudge",
    version=1,
    criteria=InterventionCriteriaAll(
        all=[
            InterventionCriterion(attribute=f"{PREFIX}shop:spent", operator=">", value=99.5),
            InterventionCriteriaNone(
                none=[InterventionCriterion(attribute=f"{PREFIX}shop:carts", operator="in", value=[1, 2])]
            ),
        ]
    ),
    target_attribute_keys=[LinkAttributeKey(name="domain_userid")],
    owner=OWNER,
)
page_view = EventLogEvent(name="page_view", vendor="com.snowplowanalytics.snowplow", version="1-0-0")
event_log = EventLog(
    name=f"{PREFIX}recent",
    attribute_key=domain_sessionid,
    events=[
        EventSelection(event=page_view, properties=[EventLogAtomicProperty(name="page_title", output_name="title")])
    ],
    max_events=50,
    max_age_seconds=1800,
    prompt="You help this shopper.",
)

# What is registered before something else uses it.
call("publish(AttributeKey)", lambda: states(signals.publish([key])), [("person", True)])
call("publish(StreamAttributeGroup)", lambda: states(signals.publish([stream])), [("shop", True)])
call("publish(BatchAttributeGroup)", lambda: states(signals.publish([batch])), [("past", True)])
call("publish(ExternalBatchAttributeGroup)", lambda: states(signals.publish([external])), [("crm", True)])
call("publish(Service)", lambda: states(signals.publish([service])), [("storefront", True)])
call("publish(RuleIntervention)", lambda: states(signals.publish([rule])), [("nudge", True)])
call("publish(EventLog)", lambda: states(signals.publish([event_log])), [("recent", True)])
everything = [event_log, rule, service, stream, batch, external, key]
names = ["person", "shop", "past", "crm", "storefront", "nudge", "recent"]
call(
    "publish, all again",
    lambda: states(signals.publish(everything)),
    [(name, True) for name in names],
)

# Reading definitions.
call("get_attribute_group", lambda: signals.get_attribute_group(stream.name).full_name, f"{PREFIX}shop_v1")
call(
    "registry.get_attribute_group",
    lambda: [
        [field.name for field in signals.registry.get_attribute_group(external.name, 1).fields or []],
        signals.registry.get_attribute_group(batch.name, 2).batch_source.table,
    ],
    [["tier"], "CUSTOMERS"],
)
call("registry.get_service", lambda: states([signals.registry.get_service(service.name)]), [("storefront", True)])
call("get_event_log", lambda: states([signals.get_event_log(event_log.name)]), [("recent", True)])
call(
    "registry.get_event_log",
    lambda: (
        signals.registry.get_event_log(event_log.name).has_published_version,
        signals.registry.get_event_log(event_log.name).model_dump()["events"][0]["properties"][0]["output_name"],
    ),
    (True, "title"),
)

# Reading values.
print(json.dumps(["track", ""]))
input()
VALUES = {"carts": 2, "spent": 30.75}
call(
    "get_service_attributes",
    lambda: signals.get_service_attributes(service.name, "domain_userid", VISITOR),
    VALUES,
)
call(
    "get_group_attributes",
    lambda: signals.get_group_attributes(stream.name, 1, ["carts", "spent"], "domain_userid", VISITOR),
    VALUES,
)
call(
    "attributes.get_service_attributes",
    lambda: signals.attributes.get_service_attributes(service.name, "domain_userid", VISITOR),
    VALUES,
)
call(
    "attributes.get_group_attributes",
    lambda: signals.attributes.get_group_attributes(stream.name, 1, "carts", "domain_userid", VISITOR),
    {"carts": 2},
)
call("Service.get_attributes", lambda: service.get_attributes(signals, "domain_userid", VISITOR), VALUES)
call("StreamAttributeGroup.get_attributes", lambda: stream.get_attributes(signals, VISITOR), VALUES)
call("BatchAttributeGroup.get_attributes", lambda: batch.get_attributes(signals, VISITOR), {"carts": None})
call("ExternalBatchAttributeGroup.get_attributes", lambda: external.get_attributes(signals, "u1"), {"tier": None})

# Interventions one by one.
second = rule.model_copy(update={"version": 2, "description": "The next"})
Brief = tuple[str, int, bool]


def brief(item: Any) -> Brief:
    return item.name.removeprefix(PREFIX), item.version, item.is_published


call("interventions.create", lambda: brief(signals.interventions.create(second)), ("nudge", 2, False))
call("interventions.get", lambda: brief(signals.interventions.get(rule.name)), ("nudge", 2, False))
call("interventions.get(version=)", lambda: brief(signals.interventions.get(rule.name, version=1)), ("nudge", 1, True))
call(
    "interventions.list",
    lambda: [brief(item) for item in signals.interventions.list() if item.name == rule.name],
    [("nudge", 1, True), ("nudge", 2, False)],
)
call(
    "interventions.update",
    lambda: brief(signals.interventions.update(second.model_copy(update={"is_published": True}))),
    ("nudge", 2, True),
)
signals.unpublish([second])
call("interventions.delete", lambda: signals.interventions.delete(rule.name, 2), {"ok": True})

# What is refused.
other = stream.model_copy(update={"attributes": [carts]})
wrong = Attribute(name="wrong", type="string", aggregation="sum", events=[])
invalid = StreamAttributeGroup(
    name=f"{PREFIX}wrong", version=1, attribute_key=domain_userid, attributes=[wrong], owner=OWNER
)
stranger = SignalsSandbox(api_url=URL, sandbox_token="wrong")
call("refused: what exists (400)", lambda: refused(lambda: signals.interventions.create(rule)), 400)
call("refused: a wrong token (401)", lambda: refused(lambda: stranger.get_attribute_group(stream.name)), 401)
call("refused: an unknown name (404)", lambda: refused(lambda: signals.get_attribute_group(f"{PREFIX}absent")), 404)
call("refused: a changed published version (409)", lambda: refused(lambda: signals.publish([other])), 409)
call("refused: a group that a service uses (409)", lambda: refused(lambda: signals.unpublish([stream])), 409)
call("refused: a live event log is deleted (409)", lambda: refused(lambda: signals.delete([event_log])), 409)
call("refused: a wrong definition (422)", lambda: refused(lambda: signals.publish([invalid])), 422)

# What runs definitions.
targets = AttributeKeyIdentifiers({"domain_userid": [str(uuid4())]})
instance = InterventionInstance(name="outage", version=1, attributes={"shop:spent": "250.5"})


def received(subscribe: Callable[[AttributeKeyIdentifiers], Any], push: Callable[[Any, Any], str]) -> list[Any]:
    """What a subscriber of two targets gets of three pushes, the last of them to one target, and its handler too."""
    ours = AttributeKeyIdentifiers({"domain_userid": [str(uuid4())], "domain_sessionid": [str(uuid4())]})
    one = AttributeKeyIdentifiers({"domain_sessionid": ours.root["domain_sessionid"]})
    seen: list[Any] = []
    with subscribe(ours) as subscription:
        subscription.add_handler(seen.append)
        deadline = time.monotonic() + 20
        while push(instance, ours) != "success":  # nobody is subscribed before the stream is open
            assert time.monotonic() < deadline, "the stream does not open"
            time.sleep(0.01)
        assert push(instance.model_copy(update={"name": "second\u2028é", "attributes": None}), ours) == "success"
        assert push(instance.model_copy(update={"name": "third"}), one) == "success"
        got = [subscription.get(timeout=20) for _ in range(3)]
        assert not list(subscription), "something came twice"
        assert [item.intervention_id for item in seen] == [item.intervention_id for item in got]
        assert len({UUID(item.intervention_id) for item in got}) == 3
    for item in got:
        key = item.target_attribute_key
        assert key.id in ours.root[key.name]
    return [[item.name, item.version, item.attributes, item.target_attribute_key.name] for item in got]


COME = [
    ["outage", 1, {"shop:spent": "250.5"}, "domain_userid"],
    ["second\u2028é", 1, {}, "domain_userid"],
    ["third", 1, {"shop:spent": "250.5"}, "domain_sessionid"],
]


def publish(intervention: Any, to: Any) -> str:
    return signals.interventions.publish(intervention, to)


def push_intervention(intervention: Any, to: Any) -> str:
    return signals.push_intervention(to, intervention)


call("push_intervention", lambda: signals.push_intervention(targets, instance), "undelivered")
call("interventions.publish", lambda: signals.interventions.publish(instance, targets), "undelivered")
call("pull_interventions", lambda: received(signals.pull_interventions, push_intervention), COME)
call("interventions.subscribe", lambda: received(signals.interventions.subscribe, publish), COME)
session = str(uuid4())
call("get_agentic_context", lambda: signals.get_agentic_context(event_log.name, session).events, [])
call(
    "attributes.get_agentic_context",
    lambda: signals.attributes.get_agentic_context(event_log.name, session, format="narrative").splitlines()[0],
    "You help this shopper.",
)
call("EventLog.get_agentic_context", lambda: event_log.get_agentic_context(signals, session).events, [])


class Preview:
    """What the preview client sends."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {"attribute_group": stream.model_dump(**options), "window": "PT1H", "app_ids": []}


call("test", lambda: len(signals.test(stream, window=timedelta(hours=1))), 1)
call("testing.test_attribute_group", lambda: len(signals.testing.test_attribute_group(Preview())), 1)

# Training sets.
span = TrainingSpan(start_time=datetime(2026, 1, 1, tzinfo=UTC), end_time=datetime(2026, 2, 1, tzinfo=UTC))
goal = Criteria(all=[Criterion.eq(kind, "transaction")])
table = WarehouseTable(database="DB", schema="ML", table="ANCHORS")
anchors = UserSuppliedAnchors(source=table)
run_id = uuid4()
sets = signals.datasets
sql = {"database": "DB", "schema": "ML", "table": "t", "sql": "SELECT 1"}
bundle = {
    "request": {
        "anchors": {"mode": "user_supplied", "source": {"database": "DB", "schema": "ML", "table": "A"}},
        "attributes": {"attribute_groups": [json.loads(stream.model_dump_json(exclude_none=True))]},
    },
    "response": {"anchors": sql, "attributes": [], "dataset": sql},
}
TABLES = ["anchors", "attributes", "dataset"]


def tables(built: Any) -> list[str]:
    return sorted(built.response.model_fields_set)


call(
    "build_dataset_with_session_anchors",
    lambda: tables(signals.build_dataset_with_session_anchors([stream], goal, span)),
    TABLES,
)
call(
    "build_dataset_with_custom_anchors",
    lambda: tables(signals.build_dataset_with_custom_anchors([stream], table)),
    TABLES,
)
call(
    "submit_dataset_run_with_session_anchors",
    lambda: bool(signals.submit_dataset_run_with_session_anchors([stream], goal, span).run_id),
    True,
)
call(
    "submit_dataset_run_with_custom_anchors",
    lambda: bool(signals.submit_dataset_run_with_custom_anchors([stream], table).run_id),
    True,
)
call("get_dataset_run_status", lambda: signals.get_dataset_run_status(run_id).run_id, run_id)
call("get_dataset_run_preview", lambda: bool(signals.get_dataset_run_preview(run_id)), True)
call("cancel_dataset_run", lambda: signals.cancel_dataset_run(run_id), None)
call("datasets.build_sql", lambda: tables(sets.build_sql([stream], anchors)), TABLES)
call("datasets.submit_run", lambda: bool(sets.submit_run([stream], anchors).run_id), True)
call("datasets.get_run_status", lambda: sets.get_run_status(run_id).run_id, run_id)
call("datasets.get_run_preview", lambda: bool(sets.get_run_preview(run_id)), True)
call("datasets.cancel_run", lambda: sets.cancel_run(run_id), None)
call(
    "datasets.save_dataset_bundle",
    lambda: [sets.save_dataset_bundle(DatasetBundle(**bundle), FOLDER), Path(FOLDER, "manifest.json").exists()],
    [None, True],
)

# Out of use, and gone; what uses something goes before it.
call("unpublish(EventLog)", lambda: states(signals.unpublish([event_log])), [("recent", False)])
call("unpublish(RuleIntervention)", lambda: states(signals.unpublish([rule])), [("nudge", False)])
call("unpublish(Service)", lambda: states(signals.unpublish([service])), [("storefront", False)])
call("delete(Service)", lambda: signals.delete([service]), None)
call("unpublish(StreamAttributeGroup)", lambda: states(signals.unpublish([stream])), [("shop", False)])
call("unpublish(BatchAttributeGroup)", lambda: states(signals.unpublish([batch])), [("past", False)])
call("unpublish(ExternalBatchAttributeGroup)", lambda: states(signals.unpublish([external])), [("crm", False)])
call("unpublish(AttributeKey)", lambda: states(signals.unpublish([key])), [("person", False)])
call(
    "registry.create_or_update",
    lambda: states(signals.registry.create_or_update([event_log, rule])),
    [("nudge", False), ("recent", False)],
)
call("delete(EventLog)", lambda: signals.delete([event_log]), None)
call("delete(RuleIntervention)", lambda: signals.delete([rule]), None)
call("delete(StreamAttributeGroup)", lambda: signals.delete([stream]), None)
call("delete(BatchAttributeGroup)", lambda: signals.delete([batch]), None)
call("delete(ExternalBatchAttributeGroup)", lambda: signals.delete([external]), None)
call("delete(AttributeKey)", lambda: signals.delete([key]), None)
signals.unpublish([external.attribute_key])
call("registry.delete", lambda: signals.registry.delete([external.attribute_key]), None)
gone = [
    refused(lambda: signals.get_attribute_group(stream.name)),
    refused(lambda: signals.registry.get_service(service.name)),
    refused(lambda: signals.get_event_log(event_log.name)),
    refused(lambda: signals.interventions.get(rule.name)),
]
call("delete, nothing is left", lambda: gone, [404, 404, 404, 404])
print(json.dumps(["end", ""]))
