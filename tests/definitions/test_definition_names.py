"""Scalar types: the limits of each, bound to the whole text."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from snowmelt.definitions import names
from snowmelt.definitions.atomic import ATOMIC_NAMES, atomic_kind, is_atomic
from snowmelt.definitions.enums import Aggregation, AttributeType, DatePart, EventOperator, RuleOperator
from snowmelt.events.fields import FIELDS

GOOD = {
    "Name": ["a", "A_1", "0", "x" * 128],
    "Text": ["", "two\nlines", "ünï"],
    "Text16": ["", "x" * 16],
    "Text255": ["", "x" * 255],
    "SchemaName": ["page_view", "Performance-Timing", "x" * 128],
    "Vendor": ["com.acme-shop_1"],
    "SchemaVersion": ["1-0-0", "10-20-30"],
    "PropertyPath": ["a", "$.a.b", "a[0].b", "a[-1]", "$a", "with space"],
    "DatabaseName": ["MY-DB_1"],
    "ColumnName": ["MY_TABLE"],
    "AppId": ["shop.web-1", "x" * 255],
    "PreviewIdentifier": ["a-b_C", "ann@shop.example.com", "x" * 128],
    "QualifiedAttributeName": ["shop_v1:views", "shop_v2_v1:x"],
    "CriterionAttribute": ["a:b", f"{'g' * 128}:{'a' * 128}"],
}
BAD = {
    "Name": ["", "a-b", "a b", "a\n", "\na", "é", "x" * 129],
    "Text": ["a\x00b", "\x00"],
    "Text16": ["x" * 17],
    "Text255": ["x" * 256],
    "SchemaName": ["", "a.b", "a\n", "x" * 129],
    "Vendor": ["", "a/b", "com.acme\n"],
    "SchemaVersion": ["1-0", "1-0-0-0", "v1-0-0", "1-0-0\n", ""],
    "PropertyPath": ["", "$", "a['b']", 'a["b"]', "a\n", "$\n", "a\nb"],
    "DatabaseName": ["", "a.b", "a\n"],
    "ColumnName": ["", "a-b", "a\n"],
    "AppId": ["", "a b", "x" * 256, "a\n"],
    "PreviewIdentifier": ["", "a@b", "a b", "a.b", "a@b.co\n", "x" * 129, "ok\n"],
    "QualifiedAttributeName": ["shop:views", "shop_v:views", "shop_v1:", "shop_v1:a\n"],
    "CriterionAttribute": ["ab", "a:", ":a", "a:b:c", "a-b:c", "a:b\n"],
}


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in table.items() for text in texts]


def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(getattr(names, name))


@pytest.mark.parametrize(("name", "text"), cases(GOOD))
def test_accepts(name: str, text: str) -> None:
    assert adapter(name).validate_python(text) == text


@pytest.mark.parametrize(("name", "text"), cases(BAD))
def test_refuses(name: str, text: str) -> None:
    with pytest.raises(ValidationError):
        adapter(name).validate_python(text)


@given(st.datetimes())
def test_instants_without_an_offset_are_utc(instant: datetime) -> None:
    read = TypeAdapter(names.Instant).validate_python(instant)
    assert read == instant.replace(tzinfo=UTC)


def test_instants_keep_their_offset() -> None:
    instant = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    read = TypeAdapter(names.Instant).validate_python("2026-01-01T00:00:00+02:00")
    assert read == instant
    assert read.utcoffset() == timedelta(hours=2)


def test_enumerations_have_their_sizes() -> None:
    sizes = [len(get_args(words)) for words in (AttributeType, Aggregation, EventOperator, RuleOperator, DatePart)]
    assert sizes == [18, 17, 10, 15, 6]
    assert "timestamp_list" not in get_args(AttributeType)
    assert set(get_args(EventOperator)) < set(get_args(RuleOperator))


KINDS = {
    "decimal": "number",
    "flag": "boolean",
    "float": "number",
    "integer": "integer",
    "json": "json",
    "string": "text",
    "timestamp": "time",
    "type": "text",
    "uuid": "text",
}
"""Kinds of values, by the types of the field table."""


def test_atomic_fields_are_those_of_the_event() -> None:
    assert [field.name for field in FIELDS] == list(ATOMIC_NAMES)
    assert len(ATOMIC_NAMES) == 131
    assert is_atomic("derived_tstamp")
    assert not is_atomic("refr_device_tstamp")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_atomic_kinds_are_those_of_the_event(field: Any) -> None:
    assert atomic_kind(field.name) == KINDS[field.type]
