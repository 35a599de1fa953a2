import pickle
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.numbers import NumberText, decimal_text, float_text, read_decimal
from snowmelt.events.timestamp import MAX_MS, MIN_MS, format_iso, format_plain, parse_timestamp


@given(st.integers(MIN_MS, MAX_MS))
def test_timestamps_round_trip(ms: int) -> None:
    assert parse_timestamp(format_iso(ms)) == ms
    assert parse_timestamp(format_plain(ms)) == ms


@given(st.integers(-62_135_596_800_000, MAX_MS))
def test_timestamps_agree_with_the_standard_library(ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert format_plain(ms) == moment.replace(tzinfo=None).isoformat(" ", "milliseconds")


@pytest.mark.parametrize(
    ("ms", "iso"),
    [
        (MIN_MS, "0000-01-01T00:00:00Z"),
        (MAX_MS, "9999-12-31T23:59:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1741082405100, "2025-03-04T10:00:05.100Z"),
    ],
)
def test_iso_text(ms: int, iso: str) -> None:
    assert format_iso(ms) == iso


@pytest.mark.parametrize(
    "text",
    ["", "2025-03-04", "2025-02-30 10:00:00", "2025-03-04 24:00:00", "0000-01-01T00:00:00+01:00", "now"],
)
def test_texts_that_are_no_timestamps(text: str) -> None:
    with pytest.raises(ValueError):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("42.50", "42.50"),
        ("1E7", "10000000"),
        ("2.40E1", "24.0"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1E-7"),
        ("7.", "7"),
        (".5", "0.5"),
        ("-0", "0"),
        ("0.0000000", "0E-7"),
        ("+1e+2", "100"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
    ],
)
def test_decimal_text(text: str, written: str) -> None:
    assert decimal_text(read_decimal(text)) == written


@pytest.mark.parametrize(
    "text",
    ["", ".", "NaN", "Infinity", "1_0", " 1", "1e", "0x1", "1E400", "1E999999999", "1E-400", "1E9999999999"],
)
def test_texts_that_are_no_decimals(text: str) -> None:
    with pytest.raises(ValueError):
        read_decimal(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (51.5142, "51.5142"),
        (10.0, "10.0"),
        (0.0004, "4.0E-4"),
        (0.001, "0.001"),
        (1e7, "1.0E7"),
        (-0.5, "-0.5"),
    ],
)
def test_float_text(value: float, text: str) -> None:
    assert float_text(value) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_text_gives_the_same_32_bits_back(value: float) -> None:
    assert struct.pack("<f", float(float_text(value))) == struct.pack("<f", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_float_text_of_what_is_no_32_bit_float(value: float) -> None:
    with pytest.raises(ValueError):
        float_text(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1.0,"a":1E3,"c":39.90,"d":-0.0,"e":1e+21}',
        '{"z":[],"y":{},"x":null,"w":true,"v":"Ørsta € 😀"}',
        "[123456789012345678901234567890]",
        '"\\u0001\\"\\\\"',
    ],
)
def test_json_is_written_as_it_was_read(text: str) -> None:
    assert dump_json(parse_json(text)).decode() == text


def test_json_is_normalised() -> None:
    text = ' { "a" : 1 , "a" : "\\u00d8\\/" } '
    assert dump_json(parse_json(text)).decode() == '{"a":"Ø/"}'


def test_a_number_with_its_own_text_is_a_float_and_survives_pickling() -> None:
    number = parse_json("1E3")
    assert number == 1000.0
    copy = pickle.loads(pickle.dumps(number))
    assert isinstance(copy, NumberText)
    assert copy.text == "1E3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\ud83d"', "a\ufffd"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"\\\\ud83d"', "\\ud83d"),
        (b'"\xff\xc3\x98"', "\ufffdØ"),
        (b'"\xff\\ud83d"', "\ufffd\ufffd"),
    ],
)
def test_text_cut_inside_a_character_is_repaired(text: str | bytes, value: str) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "[1,2", "NaN", "{'a':1}", "[01]", "1e999", "[1] x", "\ufeff{}", '"\\ud83d', "[" * 1_000_000]
)
def test_texts_that_are_not_json(text: str) -> None:
    with pytest.raises(NotJsonError):
        parse_json(text)


@given(st.integers(1, 120), st.integers(1, 120), st.booleans())
def test_depth(depth: int, limit: int, objects: bool) -> None:
    text = '{"a":' * depth + "1" + "}" * depth if objects else "[" * depth + "]" * depth
    if depth <= limit:
        parse_json(text, limit)
    else:
        with pytest.raises(NotJsonError, match=f"more than {limit} levels"):
            parse_json(text, limit)


def test_width_is_not_depth() -> None:
    assert len(parse_json("[" + ",".join(["[[]]"] * 100) + "]", max_depth=3)) == 100


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_decimal_text_keeps_the_number(value: Decimal) -> None:
    if value == 0 or abs(value.adjusted()) < 300:
        assert Decimal(decimal_text(value)) == value
