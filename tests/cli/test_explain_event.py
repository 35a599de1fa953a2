"""``snowmelt explain GROUP --event FILE``: what an event updates, and why it does not update the rest."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snowmelt.cli.ingest import SHOWN
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.events import tsv
from snowmelt.stores.registry import Registry

YAML = """\
kind: stream_attribute_group
name: shop
version: 1
owner: you@example.com
attribute_key: {name: user_id}
attributes:
  - {name: events, type: int32, aggregation: counter}
  - {name: views, type: int32, aggregation: counter, events: [{name: page_view, vendor: com.acme}]}
  - {name: planned, type: int32, aggregation: counter, events: [{event_specification_id: spec-1}]}
  - {name: lately, type: int32, aggregation: counter, period: PT15M}
  - name: spent
    type: double
    aggregation: sum
    property: {type: entity, vendor: com.acme, name: product, major_version: 1, path: price}
  - name: webs
    type: int32
    aggregation: counter
    criteria:
      all: [{property: {type: atomic, name: platform}, operator: in, value: [web, mob]}]
      any:
        - {property: {type: atomic, name: se_value}, operator: ">", value: 3}
        - {property: {type: atomic, name: se_label}, operator: is not null}
  - name: paths
    type: string_list
    aggregation: unique_list
    property: {type: atomic, name: page_urlpath}
"""

EVENT = {
    "event_id": "e-1",
    "event_name": "page_view",
    "event_vendor": "org.other",
    "event_version": "1-0-0",
    "user_id": "u",
    "collector_tstamp": "2026-03-02T08:30:00Z",
    "derived_tstamp": "2026-03-02T08:00:00Z",
    "platform": "tv",
    "se_value": 2,
}

PAYLOAD = {
    "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
    "data": [
        {"e": "pv", "p": "web", "tv": "js-4", "url": "https://shop.example/", "uid": "u"},
        {"e": "pv", "p": "web", "tv": "js-4", "eid": "no uuid", "uid": "u"},
    ],
}


@pytest.fixture
def explain(run: Any, tmp_path: Path) -> Any:
    """Explains lines, events or a file for the group above."""
    (tmp_path / "shop.yaml").write_text(YAML)

    def explained(given: Any, *options: str, name: str = "shop") -> Any:
        if not isinstance(given, Path):
            lines = [line if isinstance(line, bytes) else msgspec.json.encode(line) for line in given]
            given = tmp_path / "events"
            given.write_bytes(b"\n".join(lines) + b"\n")
        return run("explain", name, "--file", "shop.yaml", "--event", given.name, *options)

    return explained


def marks(text: str) -> dict[str, bool]:
    """Attribute -> whether it is updated, of one event."""
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return {row[2] if row[0] == "not" else row[1]: row[0] == "updated" for row in rows}


def said(text: str, name: str) -> str:
    """What is said of an attribute, of one event."""
    [line] = [line for line in text.splitlines() if line[15:].startswith(f"{name} ")]
    return line[15:].removeprefix(name).strip()


def test_every_attribute_has_its_line(explain: Any) -> None:
    result = explain([EVENT])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "# shop_v1\n"
        'page_view e-1 (events:1), user_id "u"\n'
        "  updated      events   counter\n"
        "  not updated  views    no entry of `events` matches: asked is name page_view, vendor com.acme; "
        "the event is org.other/page_view/1-0-0\n"
        "  not updated  planned  no entry of `events` matches: asked is event specification id spec-1; "
        "the event is org.other/page_view/1-0-0, event specification none\n"
        "  not updated  lately   older than the period of PT15M when it arrived: it happened at "
        "2026-03-02T08:00:00.000Z and arrived at 2026-03-02T08:30:00.000Z\n"
        "  not updated  spent    product[0].price is missing (the event has no entity com.acme/product/1)\n"
        '  not updated  webs     platform in ["web", "mob"] fails, as it is "tv"; none of `any` holds: '
        "se_value > 3 fails, as it is 2, se_label is not null fails, as it is missing\n"
        "  not updated  paths    page_urlpath is missing\n"
    )


def test_an_event_that_updates_everything(explain: Any) -> None:
    event = EVENT | {
        "event_vendor": "com.acme",
        "derived_tstamp": "2026-03-02T08:29:00Z",
        "contexts_com_acme_product_1": [{"price": 19.5}],
        "contexts_com_snowplowanalytics_snowplow_event_specification_1": [{"id": "spec-1"}],
        "platform": "web",
        "se_label": "x",
        "page_urlpath": "/cart",
    }
    printed = explain([event]).stdout
    assert len(marks(printed)) == 7
    assert all(marks(printed).values())
    assert said(printed, "spent") == "sum: product[0].price is 19.5"
    assert said(printed, "paths") == 'unique_list: page_urlpath is "/cart"'
    # It was in time, but nobody can see it any more.
    assert said(printed, "lately") == "counter; past its period by now"


@pytest.mark.parametrize(
    ("columns", "whose", "reason"),
    [
        ({"user_id": None}, "no usable key", "user_id is missing, so the event names no profile"),
        ({"user_id": ""}, "no usable key", 'user_id is "", so the event names no profile'),
        ({"user_id": "é" * 257}, "no usable key", "of 257 characters; a key may have 512 bytes in UTF-8"),
    ],
)
def test_a_key_that_names_no_profile(explain: Any, columns: Any, whose: str, reason: str) -> None:
    printed = explain([EVENT | columns], name="shop:events").stdout
    assert whose in printed.splitlines()[1]
    assert said(printed, "events").endswith(reason)


def test_values_that_cannot_serve(explain: Any) -> None:
    columns = {"contexts_com_acme_product_1": [{"price": "12,50"}], "page_urlpath": "/" * 1001}
    printed = explain([EVENT | columns]).stdout
    assert said(printed, "spent") == 'product[0].price is "12,50"; sum takes numbers only'
    assert said(printed, "paths").endswith(
        "///... of 1,001 characters; unique_list keeps texts of at most 1,000 characters"
    )


def test_nothing_updated_is_no_failure(explain: Any) -> None:
    result = explain([EVENT], name="shop:views")
    assert (result.exit_code, result.stderr, marks(result.stdout)) == (0, "", {"views": False})


def test_every_format_is_recognised_or_given(explain: Any, tmp_path: Path) -> None:
    line = tsv.encode({"event_name": "page_view", "user_id": "u", "platform": "web", "page_urlpath": "/"})
    (tmp_path / "events.tsv").write_text(line + "\n" + line + "\n")
    (tmp_path / "events.gz").write_bytes(gzip.compress(json.dumps(EVENT | {"page_urlpath": "/"}).encode()))
    (tmp_path / "bodies").write_text("\n" + json.dumps(PAYLOAD))
    for name, given, events in (("events.tsv", "enriched-tsv", 2), ("events.gz", "enriched-json", 1)):
        recognised, told = explain(Path(name)), explain(Path(name), "--format", given)
        assert (recognised.exit_code, recognised.stdout) == (0, told.stdout)
        assert recognised.stdout.count('unique_list: page_urlpath is "/"') == events
    recognised, told = explain(Path("bodies")), explain(Path("bodies"), "--format", "payload")
    assert recognised.stdout.count("unique_list: page_urlpath") == told.stdout.count("unique_list: page_urlpath") == 1
    assert explain(Path("events.tsv"), "--format", "payload").exit_code == 1


def test_standard_input(run: Any, explain: Any) -> None:
    explain([])
    result = run("explain", "shop:events", "--file", "shop.yaml", "--event", "-", input=msgspec.json.encode(EVENT))
    assert "page_view e-1 (-:1)" in result.stdout
    assert marks(result.stdout) == {"events": True}


def test_what_fails_in_enrichment_is_shown_with_its_reasons(explain: Any) -> None:
    result = explain([PAYLOAD], name="shop:events")
    assert result.exit_code == 0
    good, failed = result.stdout.split("\n\n")
    assert "(events:1, event 1 of 2)" in good
    # It arrives now: nothing is past its period.
    assert marks(good) == {"events": True}
    assert "(events:1, event 2 of 2)" in failed
    assert "  failed  schema_violations: " in failed
    assert "eid: must be a UUID" in failed


def test_scripts_get_one_object_a_line(explain: Any) -> None:
    result = explain([EVENT, EVENT], "--json")
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert second == first | {"place": "events:2"}
    attributes = {attribute.pop("name"): attribute for attribute in first.pop("attributes")}
    assert first == {
        "place": "events:1",
        "group": "shop_v1",
        "event": {
            "id": "e-1",
            "name": "page_view",
            "vendor": "org.other",
            "version": "1-0-0",
            "specification": None,
        },
        "time": "2026-03-02T08:00:00.000Z",
        "arrived": "2026-03-02T08:30:00.000Z",
        "key": {"name": "user_id", "found": "u"},
        "identifier": "u",
    }
    assert attributes["events"] == {"updated": True}
    assert all(attribute["reason"].pop("text") for attribute in attributes.values() if not attribute["updated"])
    reasons = {name: attribute["reason"] for name, attribute in attributes.items() if not attribute["updated"]}
    platform, value, label = (
        {"property": {"type": "atomic", "name": name}} for name in ("platform", "se_value", "se_label")
    )
    assert reasons == {
        "views": {"code": "not_asked", "asked": [{"name": "page_view", "vendor": "com.acme"}]},
        "planned": {"code": "other_specification", "asked": [{"event_specification_id": "spec-1"}]},
        "lately": {"code": "too_old", "period_ms": 900_000},
        "spent": {"code": "no_value"},
        "webs": {
            "code": "criteria_failed",
            "all": [platform | {"operator": "in", "value": ["web", "mob"], "found": "tv"}],
            "any": [
                value | {"operator": ">", "value": 3, "found": 2},
                label | {"operator": "is not null", "found": None},
            ],
        },
        "paths": {"code": "no_value"},
    }
    assert attributes["spent"]["found"] is None


def test_scripts_get_failed_events_too(explain: Any) -> None:
    good, failed = map(json.loads, explain([PAYLOAD], "--json").stdout.splitlines())
    assert {attribute["name"]: attribute.get("in_period_now") for attribute in good["attributes"]}["lately"] is True
    assert (failed["place"], failed["event"]["name"]) == ("events:1, event 2 of 2", "page_view")
    assert failed["failed"]["category"] == "schema_violations"
    assert "eid: must be a UUID" in failed["failed"]["reason"]


def test_codes_of_the_other_reasons(explain: Any) -> None:
    columns = {"contexts_com_acme_product_1": [{"price": "12,50"}]}
    keyless, unfit = map(json.loads, explain([EVENT | {"user_id": ""}, EVENT | columns], "--json").stdout.splitlines())
    reason = keyless["attributes"][0]["reason"]
    assert (reason["code"], reason["fault"], keyless["key"]["found"]) == ("unusable_key", "empty", "")
    [spent] = [attribute for attribute in unfit["attributes"] if attribute["name"] == "spent"]
    assert (spent["found"], spent["reason"]["code"], spent["reason"]["takes"]) == ("12,50", "unfit_value", "number")


def test_lines_that_cannot_be_read_are_told_and_the_others_explained(explain: Any) -> None:
    result = explain([EVENT, b"{", b'{"se_value": 1e999}'], name="shop:events")
    assert result.exit_code == 1
    assert marks(result.stdout) == {"events": True}
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == ["events:2:", "events:3:"]
    many = explain([b"{"] * (SHOWN + 2))
    assert len(many.stderr.splitlines()) == SHOWN + 2
    assert "... and 2 more\nnothing could be read: one event a line is expected; is --format right?" in many.stderr


def test_a_file_of_nothing_is_told(explain: Any) -> None:
    result = explain([b""])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "events holds no event\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--json",), "--json is about events: name a file with --event"),
        (("--format", "payload"), "--format is about events"),
        (("--event", "absent"), "absent cannot be read"),
        (("--event", "shop.yaml"), "shop.yaml:1 looks like no format: name it with --format (enriched-tsv, "),
    ],
)
def test_what_cannot_be_done_is_told(run: Any, explain: Any, options: Any, told: str) -> None:
    explain([])
    result = run("explain", "shop", "--file", "shop.yaml", *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


def test_a_terminal_is_not_commanded_by_an_event(explain: Any) -> None:
    event = EVENT | {
        "event_id": "\x1b[2J",
        "event_name": "\u202ename",
        "page_urlpath": "\x9b2J\u202e",
        "user_id": "\x7f",
    }
    printed = explain([event]).stdout
    assert all(line.isprintable() for line in printed.splitlines())
    assert '"\\u001b[2J"' in printed


def test_a_registered_group_that_is_not_published_counts_nothing(run: Any, data: Path, tmp_path: Path) -> None:
    with Registry.open(data / "registry.sqlite") as registry:
        registry.groups.create(tutorial_group())
        published = tutorial_group().model_copy(update={"version": 2, "is_published": True})
        registry.groups.create(published)
    (tmp_path / "events").write_bytes(msgspec.json.encode(EVENT))
    draft, live = (
        run("explain", f"ecom_attributes_v{version}", "--event", "events", "--data-dir", data) for version in (1, 2)
    )
    assert draft.stderr == "ecom_attributes_v1 is not published, so no event counts for it now\n"
    assert live.stderr == ""
    assert draft.exit_code == live.exit_code == 0
