"""Self-describing events and entities: what is taken out of the wrappers, and what each fault is called."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Enricher
from snowmelt.enrichment.validation import Verdict, type_report, validation_error
from snowmelt.events import json as event_json
from snowmelt.events.schema_key import SchemaKey

Send = Callable[..., list[Any]]
EventOf = Callable[..., dict[str, Any]]
Text = Callable[..., str]
Sdj = Callable[..., dict[str, Any]]

SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"


def base64url(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def violations(send: Send, **parameters: str) -> list[dict[str, Any]]:
    [outcome] = send(parameters)
    assert isinstance(outcome, FailedEvent)
    assert outcome.category == "schema_violations"
    return outcome.messages


def keywords(message: dict[str, Any]) -> list[tuple[str, str]]:
    assert message["error"]["error"] == "ValidationError"
    return [(report["path"], report["keyword"]) for report in message["error"]["dataReports"]]


def test_self_describing_event(event_of: EventOf, unstruct: Text, sdj: Sdj) -> None:
    inner = sdj("link_click", {"text": "Γεια 😀", "n": 1.0}, version="2-0-1")
    for parameters in ({"ue_pr": unstruct(inner)}, {"ue_px": base64url(unstruct(inner))}):
        event = event_of({"e": "ue"} | parameters)
        assert event["unstruct_event"] == inner
        names = [event[f"event_{part}"] for part in ("vendor", "name", "format", "version")]
        assert names == ["com.acme", "link_click", "jsonschema", "2-0-1"]
        line = event_json.encode(event)
        assert "Γεια 😀".encode() in line
        assert json.loads(line)["unstruct_event_com_acme_link_click_2"] == {"text": "Γεια 😀", "n": 1.0}
    both = {"ue_px": base64url(unstruct(inner)), "ue_pr": unstruct(sdj("plain", {}))}
    assert event_of({"e": "ue"} | both)["event_name"] == "plain"


def test_self_describing_event_without_a_body(event_of: EventOf) -> None:
    event = event_of({"e": "ue"})
    assert event["event"] == "unstruct"
    assert not event.keys() & {
        "unstruct_event",
        "event_name",
        "event_vendor",
        "event_format",
        "event_version",
    }


def test_a_body_on_another_event_is_kept(event_of: EventOf, unstruct: Text, sdj: Sdj) -> None:
    event = event_of({"e": "pv", "ue_pr": unstruct(sdj("x", {}))})
    assert (event["event_name"], event["unstruct_event"]) == ("page_view", sdj("x", {}))


@pytest.mark.parametrize(
    ("kind", "vendor", "name"),
    [
        ("pv", "com.snowplowanalytics.snowplow", "page_view"),
        ("pp", "com.snowplowanalytics.snowplow", "page_ping"),
        ("se", "com.google.analytics", "event"),
        ("tr", "com.snowplowanalytics.snowplow", "transaction"),
        ("ti", "com.snowplowanalytics.snowplow", "transaction_item"),
    ],
)
def test_names_of_built_in_events(event_of: EventOf, kind: str, vendor: str, name: str) -> None:
    event = event_of({"e": kind})
    assert (event["event_vendor"], event["event_name"]) == (vendor, name)
    assert (event["event_format"], event["event_version"]) == ("jsonschema", "1-0-0")


def test_entities_keep_their_order_and_their_doubles(event_of: EventOf, contexts: Text, sdj: Sdj) -> None:
    items = [sdj("b", {"n": 1}), sdj("a", {"n": 2}), sdj("b", {"n": 1})]
    for parameters in ({"co": contexts(*items)}, {"cx": base64url(contexts(*items))}):
        event = event_of(parameters)
        assert event["contexts"] == items
        assert json.loads(event_json.encode(event))["contexts_com_acme_b_1"] == [{"n": 1}, {"n": 1}]


def test_no_entities(event_of: EventOf, send: Send, contexts: Text) -> None:
    assert "contexts" not in event_of({"co": contexts(version="1-0-1")})
    [message] = violations(send, co=contexts(version="1-0-0"))
    assert keywords(message) == [("$", "minItems")]


@pytest.mark.parametrize("name", ["ue_pr", "co"])
@pytest.mark.parametrize("text", ["", "[1,2", "nul", "[" * 1_000_000, '{"a":' * 51 + "1" + "}" * 51])
def test_not_json(send: Send, name: str, text: str) -> None:
    [message] = violations(send, **{name: text})
    assert message.keys() == {"field", "value", "error"}
    assert message["field"] == {"ue_pr": "unstruct_event", "co": "contexts"}[name]
    assert len(message["value"]) < 600


@pytest.mark.parametrize("name", ["ue_px", "cx"])
def test_base64_fails_as_json(send: Send, name: str) -> None:
    [message] = violations(send, **{name: "%%%"})
    assert message["value"] == ""


@pytest.mark.parametrize("name", ["ue_pr", "co"])
@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"some": "json"}, "INVALID_DATA_PAYLOAD"),
        (None, "INVALID_DATA_PAYLOAD"),
        ({}, "INVALID_DATA_PAYLOAD"),
        ({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-0"}, "INVALID_DATA_PAYLOAD"),
        ({"schema": "unstruct_event/1-0-0", "data": {}}, "INVALID_IGLUURI"),
        ({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0", "data": {}}, "INVALID_IGLUURI"),
        ({"schema": f"{SNOWPLOW}/contexts/jsonschema/0-1-0", "data": {}}, "INVALID_SCHEMAVER"),
    ],
)
def test_not_iglu(send: Send, name: str, document: Any, error: str) -> None:
    [message] = violations(send, **{name: json.dumps(document)})
    assert message == {"json": document, "error": error}


def test_wrapper_of_another_kind(send: Send, unstruct: Text, contexts: Text, sdj: Sdj) -> None:
    [message] = violations(send, co=unstruct(sdj("x", {})))
    assert message == {
        "schemaKey": f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0",
        "schemaCriterion": f"{SNOWPLOW}/contexts/jsonschema/1-0-*",
    }
    [message] = violations(send, ue_pr=contexts(sdj("x", {})))
    assert message["schemaCriterion"] == f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-*"
    [message] = violations(send, co=contexts(sdj("x", {}), version="1-1-0"))
    assert message["schemaKey"] == f"{SNOWPLOW}/contexts/jsonschema/1-1-0"
    [message] = violations(send, co=contexts(sdj("x", {}), version="2-0-0"))
    assert "schemaCriterion" in message


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (5, [("$", "type")]),
        ({}, [("$", "required"), ("$", "required")]),
        ({"schema": "iglu:com.acme/x/jsonschema/1-0-0"}, [("$", "required")]),
        ({"schema": "iglu:com.acme/x/jsonschema/1-0", "data": {}}, [("$.schema", "pattern")]),
        ({"schema": 1, "data": {}}, [("$.schema", "type")]),
        (
            {"schema": "iglu:com.acme/x/jsonschema/1-0-0", "data": {}, "more": 1},
            [("$", "additionalProperties")],
        ),
    ],
)
def test_wrapper_that_is_not_valid(send: Send, unstruct: Text, inner: Any, found: list[tuple[str, str]]) -> None:
    [message] = violations(send, ue_pr=unstruct(inner))
    assert message["schemaKey"] == f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0"
    assert keywords(message) == found


def test_wrapper_of_entities_lists_all_that_is_wrong(send: Send, contexts: Text, sdj: Sdj) -> None:
    [message] = violations(send, co=contexts(sdj("x", {}), 5, {"schema": "x", "data": 1, "more": 2}))
    assert keywords(message) == [
        ("$[1]", "type"),
        ("$[2]", "additionalProperties"),
        ("$[2].schema", "pattern"),
    ]
    [message] = violations(send, co=json.dumps({"schema": f"{SNOWPLOW}/contexts/jsonschema/1-0-1", "data": {}}))
    assert keywords(message) == [("$", "type")]


def test_inner_version_beyond_the_wrappers_pattern(send: Send, unstruct: Text, contexts: Text, sdj: Sdj) -> None:
    inner = sdj("x", {}, version="0-0-1")
    assert violations(send, ue_pr=unstruct(inner)) == [{"json": inner, "error": "INVALID_SCHEMAVER"}]
    good = sdj("y", {})
    messages = violations(send, co=contexts(inner, good, inner))
    assert messages == [{"json": inner, "error": "INVALID_SCHEMAVER"}] * 2


def test_a_very_deep_entity_leaves_the_next_event_alone(send: Send, contexts: Text, sdj: Sdj) -> None:
    deep = contexts(sdj("x", "DEEP")).replace('"DEEP"', "[" * 1_000_000 + "]" * 1_000_000)
    first, second = send({"co": deep}, {})
    assert [message["field"] for message in first.messages] == ["contexts"]
    assert isinstance(second, Enriched)


class Judge:
    """A validator with three opinions, told apart by the schema's name."""

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        if key.name == "bad":
            return Verdict(validation_error([type_report(data, "string", "$")]))
        if key.name == "old":
            return Verdict(superseded_by="1-0-1")
        return Verdict()


def test_validator_is_asked_for_the_event_and_each_entity(send: Send, unstruct: Text, contexts: Text, sdj: Sdj) -> None:
    enricher = Enricher(validator=Judge())
    good = {"e": "ue", "ue_pr": unstruct(sdj("good", 1)), "co": contexts(sdj("good", 2))}
    bad = {"e": "ue", "vid": "x", "ue_pr": unstruct(sdj("bad", 1))}
    bad["co"] = contexts(sdj("bad", 2), sdj("good", 3), sdj("bad", 4))
    enriched, failed = send(good, bad, enricher=enricher)
    assert isinstance(enriched, Enriched)
    assert failed.category == "schema_violations"
    assert len(failed.messages) == 4
    assert [message["schemaKey"] for message in failed.messages[1:]] == ["iglu:com.acme/bad/jsonschema/1-0-0"] * 3


def test_superseded_schemas(event_of: EventOf, contexts: Text, sdj: Sdj) -> None:
    parameters = {"co": contexts(sdj("old", 1), sdj("new", 2), sdj("old", 3))}
    event = event_of(parameters, enricher=Enricher(validator=Judge()))
    assert event["contexts"] == [
        sdj("old", 1, version="1-0-1"),
        sdj("new", 2),
        sdj("old", 3, version="1-0-1"),
    ]
    assert event["derived_contexts"] == [
        {
            "schema": "iglu:com.snowplowanalytics.iglu/validation_info/jsonschema/1-0-0",
            "data": {"originalSchema": "iglu:com.acme/old/jsonschema/1-0-0", "validatedWith": "1-0-1"},
        }
    ]
