"""Edge cases of JSON and schemas: a test for each row from 100 to 112 of the specification's table 8.3."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from iglu_documents import Shelf, key, schema
from pipeline_rows import PAGE_VIEW, events, messages, payload_data, reports, word
from snowmelt.enrichment.base64_text import encode_base64
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.validation import SchemasUnavailable
from snowmelt.events.json import decode, encode
from snowmelt.events.payload import CollectorPayload
from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.configuration import STANDARD
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.gate import SchemaGate
from snowmelt.iglu.repository import Absence, Place, Repository
from snowmelt.iglu.resolver import Resolver

SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
UE, CO = f"{SNOWPLOW}/unstruct_event/jsonschema/1-0-0", f"{SNOWPLOW}/contexts/jsonschema/1-0-1"
CLICK = f"{SNOWPLOW}/link_click/jsonschema/1-0-1"
PLACE = f"{SNOWPLOW}/geolocation_context/jsonschema/1-1-0"
SHOP = "iglu:com.snowplowanalytics.snowplow.ecommerce"
BADROWS = Path(__file__).parent / "badrows"

LISTS: Any = SchemaFolder(STANDARD, Place("standard"))


def outcomes(*sent: dict[str, Any], also: Repository | None = None, hold: float = 0.0) -> list[Outcome]:
    """What a strict pipeline makes of events in one request; it knows the standard schemas."""
    first = [LISTS] if also is None else [also, LISTS]
    gate = SchemaGate(Resolver(first), "reject", hold, clock=lambda: 0.0)
    payload = CollectorPayload(
        timestamp=1_741_082_405_158,
        path="/com.snowplowanalytics.snowplow/tp2",
        body=payload_data(*({**PAGE_VIEW, **one} for one in sent)),
        content_type="application/json",
        collector="test",
    )
    found = Enricher(steps=(), validator=gate).enrich(payload, 1_741_082_405_200)
    for outcome in found:
        check_row(outcome)
    return found


def check_row(outcome: Outcome) -> None:
    """Every failed event's row must be valid by the schema that it names.

    But for one rule: parameters are kept in full, so that they can be tried again, and not just 512 characters.
    """
    if word(outcome) != "good":
        row = outcome.row()
        found = SchemaFolder(BADROWS, Place("badrows")).look_up(SchemaKey.parse(row["schema"]))
        broken = found.compiled.reports(row["data"])
        assert [one for one in broken if not one["path"].startswith("$.payload.raw.parameters[")] == []


def unstruct(uri: str, data: Any) -> dict[str, Any]:
    return {"e": "ue", "ue_pr": json.dumps({"schema": UE, "data": {"schema": uri, "data": data}})}


def entities(*items: tuple[str, Any], wrapper: str = CO) -> dict[str, Any]:
    return {"co": json.dumps({"schema": wrapper, "data": [{"schema": uri, "data": data} for uri, data in items]})}


def kind(found: list[Outcome]) -> list[Any]:
    """One word for each message of failed events: which of the shapes it has."""
    words = []
    for message in messages(found):
        error = message.get("error")
        if "schemaCriterion" in message:
            words.append("CriterionMismatch")
        elif isinstance(error, dict):
            words.append(error["error"])
        elif "json" in message:
            words.append(f"NotIglu {error}")
        else:
            words.append("NotJson")
    return words


def test_row_100_greek_and_an_emoji_as_base64_without_padding() -> None:
    data = {"targetUrl": "https://a.example/", "elementContent": "Γειά σου 🦜"}
    wrapper = json.dumps({"schema": UE, "data": {"schema": CLICK, "data": data}}, ensure_ascii=False)
    found = outcomes({"e": "ue", "ue_px": encode_base64(wrapper.encode())})
    [event] = events(found)
    line = encode(event)
    assert "Γειά σου 🦜" in line.decode()
    assert decode(line)["unstruct_event_com_snowplowanalytics_snowplow_link_click_1"] == data


class Case(NamedTuple):
    """One input, and the words for what is wrong with it."""

    name: str
    sent: dict[str, Any]
    kinds: list[str]
    reports: tuple[tuple[str, str], ...] = ()


LINK = {"targetUrl": "https://a.example/"}
DEEP = '{"schema":"' + CO + '","data":[' + '{"a":' * 1_000_000 + "1" + "}" * 1_000_000 + "]}"

CASES = [
    Case("101-no-schema", {"e": "ue", "ue_pr": '{"some":"json"}'}, ["NotIglu INVALID_DATA_PAYLOAD"]),
    Case("101-no-json", {"e": "ue", "ue_pr": "[1,2"}, ["NotJson"]),
    Case("101-null", {"e": "ue", "ue_pr": "null"}, ["NotIglu INVALID_DATA_PAYLOAD"]),
    Case("102-vendor", unstruct("iglu:com.acme/link_click/jsonschema/1-0-1", LINK), ["ResolutionError"]),
    Case("102-version", unstruct(CLICK.replace("1-0-1", "1-0-2"), LINK), ["ResolutionError"]),
    Case(
        "102-short-version",
        unstruct(CLICK.replace("1-0-1", "1-0"), LINK),
        ["ValidationError"],
        (("$.schema", "pattern"),),
    ),
    Case("103-missing", unstruct(CLICK, {"elementId": "a"}), ["ValidationError"], [("$", "required")]),
    Case("103-number", unstruct(CLICK, {"targetUrl": 5}), ["ValidationError"], [("$.targetUrl", "type")]),
    Case("103-null", unstruct(CLICK, LINK | {"elementId": None}), ["ValidationError"], [("$.elementId", "type")]),
    Case(
        "104-wrapper",
        {"e": "ue", "ue_pr": json.dumps({"schema": "unstruct_event/1-0-0", "data": {}})},
        ["NotIglu INVALID_IGLUURI"],
    ),
    Case("105-empty", {"co": ""}, ["NotJson"]),
    Case("105-no-schema", {"co": "{}"}, ["NotIglu INVALID_DATA_PAYLOAD"]),
    Case("105-event-wrapper", {"co": unstruct(CLICK, LINK)["ue_pr"]}, ["CriterionMismatch"]),
    Case(
        "107-too-far-north",
        entities((PLACE, {"latitude": 90.5, "longitude": 1.0})),
        ["ValidationError"],
        (("$.latitude", "maximum"),),
    ),
    Case("108-a-million-levels", {"co": DEEP}, ["NotJson"]),
    Case(
        "112-quantity",
        entities((f"{SHOP}/product/jsonschema/1-0-0", {"id": "a", "category": "b", "price": 1, "currency": "EUR",
                                                      "quantity": 1.5})),
        ["ValidationError"],
        (("$.quantity", "type"),),
    ),
    Case(
        "112-price",
        entities((f"{SHOP}/product/jsonschema/1-0-0", {"id": "a", "category": "b", "price": 10_000_000,
                                                      "currency": "EUR"})),
        ["ValidationError"],
        (("$.price", "maximum"),),
    ),
    Case(
        "112-extra-key",
        entities((f"{SHOP}/product/jsonschema/1-0-0", {"id": "a", "category": "b", "price": 1, "currency": "EUR",
                                                      "colour": "red"})),
        ["ValidationError"],
        (("$", "additionalProperties"),),
    ),
    Case(
        "112-name",
        unstruct(f"{SHOP}/snowplow_ecommerce_action/jsonschema/1-0-2", {"type": "list_view", "name": "x" * 129}),
        ["ValidationError"],
        (("$.name", "maxLength"),),
    ),
    Case(
        "112-promotion",
        unstruct(f"{SHOP}/snowplow_ecommerce_action/jsonschema/1-0-0", {"type": "promo_click"}),
        ["ValidationError"],
        (("$.type", "enum"),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rows_of_what_is_refused(case: Case) -> None:
    found = outcomes(case.sent, {"e": "pv"})
    assert [word(outcome) for outcome in found] == ["SV", "good"], "and the next event is processed"
    assert kind(found) == case.kinds
    assert reports(found) == list(case.reports)


def test_row_106_the_same_entity_twice_is_two() -> None:
    page = f"{SNOWPLOW}/web_page/jsonschema/1-0-0"
    ids = ["1d0c9f3c-7c3e-4a53-8b39-0c2f7d6e9b52"] * 2 + ["1d0c9f3c-7c3e-4a53-8b39-0c2f7d6e9b53"]
    [event] = events(outcomes(entities(*((page, {"id": each}) for each in ids))))
    assert [entity["data"]["id"] for entity in event["contexts"]] == ids


def test_row_107_a_whole_number_is_a_number() -> None:
    [event] = events(outcomes(entities((PLACE, {"latitude": 52, "longitude": 13}))))
    assert event["contexts"][0]["data"]["latitude"] == 52


def test_row_109_superseded_schemas() -> None:
    shelf = Shelf()
    shelf.has[key("page")] = schema(key("page"), **{"$supersededBy": "1-0-1"}, required=["old"])
    shelf.has[key("page", "1-0-1")] = schema(key("page", "1-0-1"), required=["new"])
    old, new = key("page").uri, key("page", "1-0-1").uri
    found = outcomes(entities((old, {"new": 1}), (old, {"new": 2})), also=shelf)
    [event] = events(found)
    assert event["contexts"] == [{"schema": new, "data": {"new": 1}}, {"schema": new, "data": {"new": 2}}]
    assert event["derived_contexts"] == [
        {
            "schema": "iglu:com.snowplowanalytics.iglu/validation_info/jsonschema/1-0-0",
            "data": {"originalSchema": old, "validatedWith": "1-0-1"},
        }
    ]
    refused = outcomes(entities((old, {"old": 1})), also=shelf)
    assert reports(refused) == [("$", "required")]


def test_row_110_a_registry_that_does_not_answer_fails_no_event() -> None:
    shelf = Shelf()
    shelf.has[key()] = Absence("unreachable", "status 500", since=0.0)
    sent = unstruct(key().uri, {})
    with pytest.raises(SchemasUnavailable):
        outcomes({"e": "pv"}, sent, also=shelf, hold=1.0)
    shelf.has[key()] = schema()
    assert [word(outcome) for outcome in outcomes({"e": "pv"}, sent, also=shelf, hold=1.0)] == ["good", "good"]


PRODUCT = (
    f"{SHOP}/product/jsonschema/1-0-0",
    {"id": "LMP-204", "category": "lamps", "price": 0.29, "list_price": 39.90, "currency": "EUR"},
)


@pytest.mark.parametrize(
    "make",
    [
        lambda action: action("list_view", PRODUCT, PRODUCT),
        lambda action: action("add_to_cart"),
        lambda action: action("product_view", PRODUCT),
        lambda action: action("promo_click", version="1-0-1"),
    ],
    ids=["111-two-products", "111-no-product", "111-price", "112-promo-click-as-1-0-1"],
)
def test_rows_of_what_is_good(make: Callable[[Callable[..., list[Outcome]]], list[Outcome]]) -> None:
    def action(name: str, *products: tuple[str, Any], version: str = "1-0-2") -> list[Outcome]:
        sent = unstruct(f"{SHOP}/snowplow_ecommerce_action/jsonschema/{version}", {"type": name})
        return outcomes(sent | (entities(*products) if products else {}))

    [event] = events(make(action))
    assert all(entity["data"]["price"] == 0.29 for entity in event.get("contexts", []))


def test_row_113_one_failed_event_with_four_messages() -> None:
    bad = entities((PLACE, {"latitude": 91, "longitude": 0}), (CLICK, {}))
    found = outcomes(bad | unstruct(CLICK, {"targetUrl": 5}) | {"vid": "x"})
    assert kind(found) == ["ValidationError"] * 4
    assert msgspec.json.encode(found[0].row()), "a row of plain JSON"
