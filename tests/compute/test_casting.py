"""What is served: the declared type, or nothing."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute.calculated import OPERATIONS, concat, date_part, text_of
from snowmelt.compute.casting import SCALARS, cast_to
from snowmelt.compute.instant import format_instant, parse_instant


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("int32", 2.9, 2),
        ("int32", -2.9, -2),
        ("int32", 2**31, 2**31 - 1),
        ("int32", -(2**40), -(2**31)),
        ("int32", math.inf, 2**31 - 1),
        ("int32", -math.inf, -(2**31)),
        ("int32", math.nan, None),
        ("int32", True, None),
        ("int32", "5", None),
        ("int64", 2**63, 2**63 - 1),
        ("int64", 1e300, 2**63 - 1),
        ("int64", 2**53 + 1, 2**53 + 1),
        ("double", 5, 5.0),
        ("double", math.nan, None),
        ("double", math.inf, None),
        ("double", 10**400, None),
        ("double", "5", None),
        ("float", False, None),
        ("bool", True, True),
        ("bool", 1, None),
        ("bool", "true", None),
        ("string", "", ""),
        ("string", 5, "5"),
        ("string", 5.0, "5.0"),
        ("string", 1e22, "1e22"),
        ("string", False, "false"),
        ("string", math.inf, None),
        ("string", [1], None),
        ("string", {}, None),
        ("bytes", "é", "w6k="),
        ("bytes", [1], None),
        ("timestamp", 1_500, "1970-01-01T00:00:01.500Z"),
        ("timestamp", "1970-01-01 00:00:01", "1970-01-01T00:00:01.000Z"),
        ("timestamp", "soon", None),
        ("timestamp", 1.5, None),
        ("timestamp", True, None),
        ("timestamp", 10**18, None),
        ("unix_timestamp", 1_999, 1),
        ("unix_timestamp", -1, -1),
        ("unix_timestamp", "1970-01-01T00:00:01.999Z", 1),
        ("dict", {"a": 1}, {"a": 1}),
        ("dict", [1], None),
        ("string_list", ["a", 1, None, [2], True], ["a", "1", "true"]),
        ("int32_list", [1, "x", 2.5, True], [1, 2]),
        ("double_list", "text", None),
        ("bool_list", [], []),
        ("timestamp_list", [0, "soon"], ["1970-01-01T00:00:00.000Z"]),
    ],
)
def test_examples(type_name: str, value: Any, expected: Any) -> None:
    found = cast_to(type_name)(value)
    assert found == expected and type(found) is type(expected)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.sampled_from([*SCALARS, *(f"{name}_list" for name in SCALARS)]), values)
def test_whatever_comes_goes_out_as_json_or_not_at_all(type_name: str, value: Any) -> None:
    found = cast_to(type_name)(value)
    if "dict" not in type_name:
        assert msgspec.json.decode(msgspec.json.encode(found)) == found
    if found is not None and not type_name.startswith(("bytes", "timestamp", "unix_timestamp")):
        assert cast_to(type_name)(found) == found, "casting twice is casting once"


# Calculated values


@pytest.mark.parametrize(
    ("operation", "parts", "expected"),
    [
        ("sum", [1, 2.5], 3.5),
        ("sum", [1, None], None),
        ("sum", [1, "2"], None),
        ("sum", [1, True], None),
        ("sum", [1e308, 1e308], None),
        ("sum", [10**400, 0.5], None),
        ("sum", [10**400, 1], 10**400 + 1),
        ("product", [3, 2.0], 6.0),
        ("product", [1e200, 1e200], None),
        ("product", [10**400, 1.5], None),
        ("product", [0, None], None),
        ("min", [2, 1.5], 1.5),
        ("max", [2, 1.5], 2),
        ("min", [1, None], None),
        ("coalesce", [None, 0, 1], 0),
        ("coalesce", [None, False], False),
        ("coalesce", [None, None], None),
        ("coalesce", [None, "", "a"], ""),
    ],
)
def test_operations(operation: str, parts: list[Any], expected: Any) -> None:
    found = OPERATIONS[operation](*parts)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("separator", "parts", "expected"),
    [
        ("-", ["a", None, 1, True, 1.5], "a-1-true-1.5"),
        ("", ["a", "b"], "ab"),
        ("-", [None, [1], {}], None),
        ("-", ["", ""], "-"),
    ],
)
def test_concat(separator: str, parts: list[Any], expected: str | None) -> None:
    assert concat(separator, *parts) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("hour_of_day", 23),
        ("day_of_week", 4),
        ("month_of_year", 2),
        ("active_day", "2024-02-29"),
        ("active_week", "2024-02-26"),
        ("active_month", "2024-02-01"),
    ],
)
def test_date_parts_are_those_of_utc(part: str, expected: int | str) -> None:
    assert date_part("2024-03-01T00:59:59.999+01:00", part) == expected
    assert date_part("2024-02-29 23:59:59", part) == expected
    assert date_part("soon", part) is None
    assert date_part(5, part) is None
    assert date_part(None, part) is None


@pytest.mark.parametrize("part", ["active_day", "active_week", "active_month", "hour_of_day"])
def test_dates_at_the_ends_of_time(part: str) -> None:
    assert date_part("0001-01-01T00:00:00Z", part) in ("0001-01-01", 0)
    assert date_part("9999-12-31T23:59:59Z", part) is not None
    assert date_part("0001-01-01T00:00:00+01:00", part) is None


def test_text_of_keeps_scalars_only() -> None:
    assert [text_of(value) for value in ("a", 5, -0.5, True, None, [], {}, math.nan)] == [
        "a",
        "5",
        "-0.5",
        "true",
        *[None] * 4,
    ]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.001Z", 1),
        ("1970-01-01t00:00:00.001z", 1),
        ("1970-01-01 00:00:00.0019", 1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("19700101T000000Z", None),
        ("1970-01-01T000000.000Z", None),
        ("1970-01-01T00:00+00:00", None),
        ("1970-01-01T00+00:00:00", None),
        ("1970-01-01T00:00:00zz", None),
        ("1970-W01-1T00:00:00", None),
        ("1970-01-01", None),
        ("1970-13-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z ", None),
        ("1970-01-01X00:00:00Z", None),
        (0, None),
        (None, None),
    ],
)
def test_instants(text: Any, ms: int | None) -> None:
    assert parse_instant(text) == ms


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_an_instants_text_names_it(ms: int) -> None:
    text = format_instant(ms)
    assert text is not None and parse_instant(text) == ms
