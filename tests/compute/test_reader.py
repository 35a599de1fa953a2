"""From a stored profile to the values of an answer."""

from collections.abc import Callable
from typing import Any

import pytest

from snowmelt.compute import state
from snowmelt.compute.program import compile_program
from snowmelt.compute.reader import GroupReader
from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.problems import DefinitionError

MakeGroup = Callable[..., AttributeGroup]
MakeLine = Callable[..., bytes]

PRICE = {"type": "atomic", "name": "se_value"}
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def stored(group: AttributeGroup, lines: list[bytes], now: int = HOUR) -> bytes:
    program = compile_program([(1, group)])
    profiles = program.fresh_profiles()
    assert not program.apply(lines, profiles, now).errors
    return state.encode(profiles[1]["u"])


def test_values_come_in_the_order_of_the_definition(make_group: MakeGroup, make_line: MakeLine) -> None:
    group = make_group(
        {"name": "b", "type": "int32"},
        {"name": "a", "aggregation": "last", "type": "string", "property": PRICE},
        {"name": "c", "aggregation": "mean", "type": "double", "property": PRICE},
    )
    reader = GroupReader(group)
    assert reader.names == ("b", "a", "c")
    profile = stored(group, [make_line(se_value=2.5), make_line(se_value=3.5, collector_tstamp="1970-01-01T00:00:02Z")])
    assert reader.read(profile, HOUR) == [2, "3.5", 3.0]


@pytest.mark.parametrize(("default", "expected"), [({}, None), ({"default_value": -1}, -1), ({"default_value": 0}, 0)])
def test_no_value_is_the_default(
    make_group: MakeGroup, make_line: MakeLine, default: dict[str, Any], expected: int | None
) -> None:
    group = make_group(
        {"type": "int32", "events": [{"name": "never"}]} | default,
        {"type": "int32", "period": "PT1M"} | default,
        {"type": "int32", "ttl": "PT1M"} | default,
        {"type": "int32", "aggregation": "last", "property": {"type": "atomic", "name": "page_url"}} | default,
    )
    reader = GroupReader(group)
    profile = stored(group, [make_line(page_url="not a number")], now=2 * SECOND)
    assert reader.read(profile, 2 * SECOND) == [expected, 1, 1, expected]
    assert reader.read(profile, HOUR) == [expected] * 4
    assert reader.read(None, HOUR) == [expected] * 4


def test_answers_do_not_share_their_lists(make_group: MakeGroup) -> None:
    reader = GroupReader(make_group({"type": "int32"}))
    reader.read(None, 0).append("spoilt")
    assert reader.read(None, 0) == [None]


@pytest.mark.parametrize(
    ("type_name", "numbers", "expected"),
    [
        ("int32", [2**31, 1], 2**31 - 1),
        ("double", [10**400, 10**400], None),
        ("int64", [10**400], 2**63 - 1),
        ("int64", [-(10**400)], -(2**63)),
    ],
)
@pytest.mark.parametrize("aggregation", ["sum", "mean", "min", "max"])
def test_numbers_too_large_for_the_type_stop_at_its_bounds_or_are_nothing(
    make_group: MakeGroup,
    make_line: MakeLine,
    type_name: str,
    numbers: list[int],
    expected: int | None,
    aggregation: str,
) -> None:
    group = make_group({"aggregation": aggregation, "type": type_name, "property": PRICE})
    value = GroupReader(group).read(stored(group, [make_line(se_value=number) for number in numbers]), HOUR)[0]
    if type_name == "int32" and aggregation in ("mean", "min"):
        assert value == {"mean": (2**31 + 1) // 2, "min": 1}[aggregation]
    else:
        assert value == expected


def test_the_ttl_is_the_attributes_then_the_groups_then_the_keys(make_group: MakeGroup, make_line: MakeLine) -> None:
    key = {"name": "user_id", "ttl": "PT3M"}
    profile = stored(make_group({"ttl": "PT1M"}, ttl="PT2M", attribute_key=key), [make_line()])
    for group, minutes in (
        (make_group({"ttl": "PT1M"}, ttl="PT2M", attribute_key=key), 1),
        (make_group({}, ttl="PT2M", attribute_key=key), 2),
        (make_group({}, attribute_key=key), 3),
    ):
        reader = GroupReader(group)
        assert reader.read(profile, SECOND + minutes * MINUTE - 1) == [1.0]
        assert reader.read(profile, SECOND + minutes * MINUTE) == [None]


def test_a_group_that_cannot_be_computed_is_refused(make_group: MakeGroup) -> None:
    with pytest.raises(DefinitionError, match="names nothing"):
        GroupReader(make_group({}, attribute_key={"name": "who"}))
