"""Durations: what is read, what is written, and that the two agree."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from snowmelt.definitions.duration import Duration, format_duration, parse_duration

DURATION = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("P7D", timedelta(days=7)),
        ("P1DT12H", timedelta(days=1, hours=12)),
        ("PT1.5S", timedelta(seconds=1.5)),
        ("PT1,5S", timedelta(seconds=1.5)),
        ("P1Y", timedelta(days=365)),
        ("P1Y35D", timedelta(days=400)),
        ("P1M", timedelta(days=30)),
        ("PT1M", timedelta(minutes=1)),
        ("P2W", timedelta(days=14)),
        ("P1Y2M3W4DT5H6M7.000008S", timedelta(days=450, hours=5, minutes=6, seconds=7, microseconds=8)),
        ("P1.5D", timedelta(days=1.5)),
        ("PT0S", timedelta(0)),
        ("-P1D", timedelta(days=-1)),
        ("+PT1S", timedelta(seconds=1)),
    ],
)
def test_reads_iso_8601(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected
    assert DURATION.validate_python(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "1D",
        "p1d",
        "P-1D",
        "P1H",
        "PT1D",
        "P1D1Y",
        "PT15M\n",
        "P1D ",
        "15 minutes",
        "P１D",
    ],
)
def test_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        parse_duration(text)


def test_refuses_what_no_timedelta_holds() -> None:
    with pytest.raises(ValidationError, match="too long"):
        DURATION.validate_python("P9999999999D")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3600, timedelta(hours=1)),
        (1.5, timedelta(seconds=1.5)),
        (timedelta(days=2), timedelta(days=2)),
        ("01:02:03", timedelta(hours=1, minutes=2, seconds=3)),
    ],
)
def test_reads_numbers_as_seconds(value: object, expected: timedelta) -> None:
    assert DURATION.validate_python(value) == expected


@pytest.mark.parametrize("value", [True, "soon", "3600", None, [], {}])
def test_refuses_other_values(value: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(value)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=365), "P365D"),
        (timedelta(days=400), "P400D"),
        (timedelta(hours=36), "P1DT12H"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(seconds=1, microseconds=500_000), "PT1.5S"),
        (timedelta(microseconds=1), "PT0.000001S"),
        (timedelta(0), "PT0S"),
        (timedelta(seconds=-5), "-PT5S"),
    ],
)
def test_writes_days_and_smaller_units(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
    assert DURATION.dump_python(duration, mode="json") == text


@given(st.timedeltas(min_value=timedelta(days=-900_000_000), max_value=timedelta(days=900_000_000)))
def test_reading_undoes_writing(duration: timedelta) -> None:
    text = format_duration(duration)
    assert parse_duration(text) == duration
    assert not set("YMW") & set(text.partition("T")[0])


@given(*(st.integers(min_value=0, max_value=9999) for _ in range(7)))
def test_every_unit_has_its_length(y: int, mo: int, w: int, d: int, h: int, m: int, s: int) -> None:
    days = 365 * y + 30 * mo + 7 * w + d
    expected = timedelta(days=days, hours=h, minutes=m, seconds=s)
    assert parse_duration(f"P{y}Y{mo}M{w}W{d}DT{h}H{m}M{s}S") == expected
