"""Reading schemas: which are usable, and what they say."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from iglu_documents import document, key, schema
from snowmelt.events.json_text import parse_json
from snowmelt.iglu.compiled import MAX_REPORTS, CompiledSchema
from snowmelt.iglu.configuration import STANDARD
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.repository import Place
from snowmelt.iglu.schema import MAX_DEPTH, Schema, UnusableSchema


def test_every_schema_that_comes_with_it_can_be_used() -> None:
    folder = SchemaFolder(STANDARD, Place("standard"))
    keys = list(folder.schema_keys())
    assert len(keys) > 140
    for each in keys:
        found = folder.look_up(each)
        assert isinstance(found, Schema), (each, found)
        found.compiled.is_valid({})


NESTED: Any = {}
for _ in range(MAX_DEPTH + 1):
    NESTED = {"not": NESTED}
DOUBLING = {
    "definitions": {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}},
    "$ref": "#/definitions/d0",
}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"<html>", "it is not JSON"),
        (b"null", "it is not a JSON object"),
        (b'{"self": {"vendor": "a"}}', 'it has no "self"'),
        (b'{"self": {"vendor": "a", "name": "b", "format": "jsonschema", "version": 1}}', 'it has no "self"'),
        (b'{"self": {"vendor": "a", "name": "b", "format": "jsonschema", "version": "0-0-0"}}', "its self is not"),
        (b'{"self": {"vendor": "..", "name": "b", "format": "jsonschema", "version": "1-0-0"}}', "made of dots"),
        (b'{"self": {"vendor": "a/b", "name": "b", "format": "jsonschema", "version": "1-0-0"}}', "its self is not"),
        (document(deep=NESTED), "nested more than"),
        (document(description="x" * 1024**2), "longer than"),
        (document(**{"$ref": "http://127.0.0.1:9/x"}), "leads out of the schema"),
        (document(items={"$ref": "file:///etc/hostname"}), "leads out of the schema"),
        (document(properties={"a": {"$ref": "other.json#/b"}}), "leads out of the schema"),
        (document(**DOUBLING), "multiply to more than 50,000"),
        (document(**{"$supersededBy": "1.0.1"}), "$supersededBy must be a version"),
        (document(**{"$supersededBy": 2}), "$supersededBy must be a version"),
    ],
)
def test_a_document_that_is_no_schema(text: bytes, problem: str) -> None:
    with pytest.raises(UnusableSchema) as raised:
        Schema.parse(text)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "rest",
    [{"type": "nonsense"}, {"pattern": "("}, {"required": []}, {"properties": 1}, {"$ref": "#/definitions/nowhere"},
     {"pattern": "(?:a{1,60000}){1,60000}"}],
)  # fmt: skip
def test_a_schema_that_is_none_of_draft_4(rest: dict[str, Any]) -> None:
    with pytest.raises(UnusableSchema, match="not a valid schema of draft 4"):
        _ = schema(**rest).compiled


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UnusableSchema) as raised:
        schema(items=[{"$ref": "http://a.example/"}, {"$ref": "http://b.example/"}])
    assert len(raised.value.problems) == 2


def test_the_schema_must_be_the_one_that_was_asked_for() -> None:
    with pytest.raises(UnusableSchema, match=r"describes iglu:com\.acme/order/jsonschema/1-0-0, not"):
        Schema.parse(document(), key(version="1-0-1"))


def test_a_property_may_be_called_like_a_reference() -> None:
    assert not schema(properties={"$ref": {"type": "string"}}).compiled.is_valid({"$ref": 1})


def test_a_schema_may_contain_itself() -> None:
    tree = schema(properties={"left": {"$ref": "#"}, "n": {"type": "integer"}}).compiled
    assert tree.is_valid({"left": {"left": {"n": 1}}})
    assert not tree.is_valid({"left": {"left": {"n": "1"}}})
    assert schema(**{"$ref": "#"}).compiled.is_valid({})
    assert schema(allOf=[{"$ref": "#"}]).compiled.is_valid({})


def test_an_id_moves_no_reference() -> None:
    found = schema(id="http://x.example/y", definitions={"a": {"type": "string"}}, items={"$ref": "#/definitions/a"})
    assert not found.compiled.is_valid([1])


# What the draft says of numbers, texts and formats


@pytest.mark.parametrize(
    ("rules", "data", "valid"),
    [
        ({"type": "integer"}, "1", True),
        ({"type": "integer"}, "1.0", False),
        ({"type": "integer"}, "1E3", False),
        ({"type": "integer"}, '"1"', False),
        ({"type": "number"}, "1", True),
        ({"type": "number"}, "1E3", True),
        ({"type": "number"}, "39.90", True),
        ({"type": "integer"}, "true", False),
        ({"multipleOf": 0.01}, "0.29", True),
        ({"multipleOf": 0.01}, "39.90", True),
        ({"multipleOf": 0.01}, "0.295", False),
        ({"multipleOf": 0.01}, "9999999.99", True),
        ({"maximum": 5, "exclusiveMaximum": True}, "5", False),
        ({"maximum": 5}, "5", True),
        ({"pattern": "b"}, '"abc"', True),
        ({"maxLength": 1}, '"\U0001f600"', True),
        ({"items": {"maximum": 3}}, "[1, 40.0]", False),
        ({"format": "uuid"}, '"7C9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01"', True),
        ({"format": "uuid"}, '"7c9a2a4e4d2c4a0b8c382b8f6a1d0e01"', False),
        ({"format": "uri"}, '"https://a.example/?b#c"', True),
        ({"format": "uri"}, '"a b"', False),
        ({"format": "ipv4"}, '"1.2.3.400"', False),
        ({"format": "ipv6"}, '"::1"', True),
        ({"format": "ipv6"}, '"1:2"', False),
        ({"format": "hostname"}, '"a.example"', True),
        ({"format": "hostname"}, '"-a"', False),
        ({"format": "date"}, '"2024-02-30"', False),
        ({"format": "date-time"}, '"2024-02-29T00:00:00Z"', True),
        ({"format": "date-time"}, '"2024-02-29"', False),
        ({"format": "time"}, '"10:00:00Z"', True),
        ({"format": "time"}, '"25:00:00Z"', False),
        ({"format": "email"}, '"a@b.example"', True),
        ({"format": "email"}, '"a"', False),
        ({"format": "duration"}, '"P1Y2M3DT4H5M6.5S"', True),
        ({"format": "duration"}, '"PT"', False),
        ({"format": "duration"}, '"P1DT"', False),
        ({"format": "regex"}, '"("', True),
        ({"format": "colour"}, '"x"', True),
    ],
)
def test_data_is_judged_as_it_is(rules: dict[str, Any], data: str, valid: bool) -> None:
    compiled = CompiledSchema(rules)
    assert compiled.is_valid(parse_json(data)) is valid
    assert bool(compiled.reports(parse_json(data))) is not valid


@pytest.mark.parametrize(
    ("rules", "data", "found"),
    [
        ({"type": "string"}, 1.5, ("$", "type", ["number", "string"])),
        ({"type": ["string", "null"]}, {}, ("$", "type", ["object", "null or string"])),
        ({"required": ["a"]}, {}, ("$", "required", ["a"])),
        ({"additionalProperties": False}, {"x": 1}, ("$", "additionalProperties", [])),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"x": 1}, ("$", "additionalProperties", ["x"])),
        ({"additionalItems": False, "items": [{}]}, [1, 2], ("$", "additionalItems", ["1"])),
        ({"properties": {"a": {"items": {"enum": ["x", 1]}}}}, {"a": ["x", 2]}, ("$.a[1]", "enum", ['"x"', "1"])),
        ({"pattern": "^a$"}, "b", ("$", "pattern", ["^a$"])),
        ({"format": "uuid"}, "b", ("$", "format", ["uuid"])),
        ({"multipleOf": 0.01}, 0.001, ("$", "multipleOf", ["0.01"])),
        ({"maximum": 2.5}, 3, ("$", "maximum", ["2.5"])),
        ({"minimum": 2}, 1, ("$", "minimum", ["2"])),
        ({"maxLength": 1}, "ab", ("$", "maxLength", ["1"])),
        ({"minLength": 1}, "", ("$", "minLength", ["1"])),
        ({"maxItems": 1}, [1, 2], ("$", "maxItems", ["1"])),
        ({"minItems": 1}, [], ("$", "minItems", ["1"])),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, ("$", "maxProperties", ["1"])),
        ({"minProperties": 1}, {}, ("$", "minProperties", ["1"])),
        ({"uniqueItems": True}, [1, 1], ("$", "uniqueItems", [])),
        ({"anyOf": [{"type": "null"}]}, 1, ("$", "anyOf", [])),
        ({"oneOf": [{}, {}]}, 1, ("$", "oneOf", [])),
        ({"not": {}}, 1, ("$", "not", [])),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, ("$", "required", ["b"])),
    ],
)
def test_a_violation_is_told_in_the_words_of_failed_events(
    rules: dict[str, Any], data: Any, found: tuple[str, str, list[str]]
) -> None:
    [report] = CompiledSchema(rules).reports(data)
    assert (report["path"], report["keyword"], report["targets"]) == found
    assert set(report) == {"message", "path", "keyword", "targets"}
    assert report["message"]


def test_every_violation_is_listed_up_to_a_hundred() -> None:
    strict = CompiledSchema({"items": {"type": "string"}})
    assert [report["path"] for report in strict.reports([1, "a", 2])] == ["$[0]", "$[2]"]
    assert len(strict.reports([1] * 100_000)) == MAX_REPORTS


@pytest.mark.parametrize("pattern", ["(.*)*\\1x", "^(a|aa)+\\1$", "^(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_a_pattern_that_goes_back_and_forth_gives_up(pattern: str) -> None:
    compiled = CompiledSchema({"properties": {"a": {"pattern": pattern}}, "required": ["b"]})
    started = time.perf_counter()
    data = {"a": "a" * 5_000 + "!", "b": 1}
    assert not compiled.is_valid(data)
    assert [report["keyword"] for report in compiled.reports(data)] == ["pattern"]
    assert "required" in {report["keyword"] for report in compiled.reports({"a": data["a"]})}
    assert time.perf_counter() - started < 2, "without a bound it would take longer than the universe is old"


def test_nothing_is_fetched_for_a_reference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text(json.dumps({"type": "string"}))
    with pytest.raises(ValueError, match="not followed"):
        CompiledSchema({"$ref": target.as_uri()})
