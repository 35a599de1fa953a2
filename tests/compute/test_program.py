"""The compiled program: dispatch, rejected values, hostile input, travel."""

import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from snowmelt.compute import program as module
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.handler import moment
from snowmelt.compute.plan import plan_group
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program, Tally, compile_program
from snowmelt.compute.state import CHANGED, VERSION
from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.problems import DefinitionError

MakeGroup = Callable[..., AttributeGroup]
MakeLine = Callable[..., bytes]

NOW = 10_000
VALUE = {"type": "event", "vendor": "com.example", "name": "thing", "major_version": 1}


def run(group: AttributeGroup | list[AttributeGroup], *lines: bytes) -> tuple[dict[int, dict[str, Any]], Tally]:
    groups = group if isinstance(group, list) else [group]
    program = compile_program(enumerate(groups, 1))
    profiles = program.fresh_profiles()
    tally = program.apply(lines, profiles, NOW)
    return {state_id: dict(one) for state_id, one in profiles.items()}, tally


def thing(**data: Any) -> dict[str, Any]:
    return {"unstruct_event_com_example_thing_1": data}


def test_events_are_dispatched_by_name_vendor_and_version(make_group: MakeGroup, make_line: MakeLine) -> None:
    group = make_group(
        {},
        {"events": [{"name": "view"}]},
        {"events": [{"name": "view", "version": "1-0-0"}, {"vendor": "com.b"}]},
        {"events": [{"event_specification_id": "s"}]},
        {"events": [{"name": "view", "event_specification_id": "s"}]},
    )
    specified = {"contexts_com_snowplowanalytics_snowplow_event_specification_1": [{"id": "s"}]}
    lines = {
        "view 1": make_line(event_name="view", event_vendor="com.a", event_version="1-0-0"),
        "view 2": make_line(event_name="view", event_vendor="com.a", event_version="2-0-0"),
        "of b": make_line(event_name="x", event_vendor="com.b"),
        "nameless": make_line(),
        "view s": make_line(event_name="view", **specified),
        "s": make_line(event_name="other", **specified),
    }
    expected = {
        "view 1": [1, 1, 1, None, None],
        "view 2": [1, 1, None, None, None],
        "of b": [1, None, 1, None, None],
        "nameless": [1, None, None, None, None],
        "view s": [1, 1, None, 1, 1],
        "s": [1, None, None, 1, None],
    }
    found = {name: run(group, line)[0][1]["u"][1:] for name, line in lines.items()}
    assert found == expected


def test_a_specification_is_one_of_several_ways_to_match(make_group: MakeGroup, make_line: MakeLine) -> None:
    """In a group by itself, where nothing else has the specification read."""
    group = make_group({"events": [{"name": "view"}, {"event_specification_id": "s"}]})
    specified = {"contexts_com_snowplowanalytics_snowplow_event_specification_1": [{"id": "s"}]}
    profiles, _ = run(group, make_line(event_name="view"), make_line(event_name="other"), make_line(**specified))
    assert profiles[1]["u"] == [CHANGED, 2]


def test_a_group_counts_only_events_with_its_key(make_group: MakeGroup, make_line: MakeLine) -> None:
    long = "é" * 257
    keys = ["u", "", None, 5, 5.0, True, [1], {"a": 1}, "é" * 256, long]
    profiles, tally = run(make_group({}), *(make_line(user_id=key) for key in keys), b'{"event_id": "x"}')
    assert profiles[1] == {key: [CHANGED, 1] for key in ("u", "5", "5.0", "true", "é" * 256)}
    assert tally.events == 11 and not tally.errors


def test_updates_lost_to_long_keys_are_counted(make_group: MakeGroup, make_line: MakeLine) -> None:
    profiles, longest = {1: Profiles(1)}, "k" * 512
    program = compile_program([(1, make_group({}))])
    program.apply([make_line(user_id=key) for key in (longest, "k" * 513, "é" * 257, "😀" * 129)], profiles, NOW)
    assert (profiles[1].refused, dict(profiles[1])) == (3, {longest: [CHANGED, 1]})


def test_groups_do_not_disturb_each_other(make_group: MakeGroup, make_line: MakeLine) -> None:
    groups = [make_group({}), make_group({}, attribute_key={"name": "sessions", "key": "domain_sessionid"})]
    profiles, _ = run(
        groups, make_line(domain_sessionid="s"), make_line(), make_line(user_id=None, domain_sessionid="s")
    )
    assert profiles == {1: {"u": [CHANGED, 2]}, 2: {"s": [CHANGED, 2]}}


LONGEST = "x" * Aggregation.longest_text


@pytest.mark.parametrize(
    ("aggregation", "type_name", "good", "bad"),
    [
        ("sum", "double", [1, 2.5], ["1", True, [1], {"a": 1}, ""]),
        ("mean", "double", [1, 2.5], ["1", True]),
        ("min", "int32", [1], ["1"]),
        ("max", "timestamp", ["2024-01-01T00:00:00Z"], ["soon", 5, True, "2024-01-01"]),
        ("first", "string", ["a", 1, True, LONGEST], [[1], {"a": 1}, LONGEST + "x"]),
        ("unique_list", "string_list", ["a", 1, True, "x" * 1_000], [[1], {"a": 1}, "x" * 1_001]),
        ("category_count", "dict", ["a", 1, True, "x" * 1_000], [[1], {"a": 1}, "x" * 1_001]),
        ("last", "string", ["a", 1, True], [[1], {}]),
    ],
)
def test_values_that_cannot_serve_are_skipped_and_counted(
    make_group: MakeGroup, make_line: MakeLine, aggregation: str, type_name: str, good: list[Any], bad: list[Any]
) -> None:
    attribute = {"aggregation": aggregation, "type": type_name, "property": VALUE | {"path": "v"}}
    group = make_group(attribute, {})
    events = [make_line(**thing(v=value)) for value in [*good, *bad, None]] + [make_line(**thing()), make_line()]
    profiles, tally = run(group, *events)
    assert tally.rejected == Counter({(1, 1): len(bad)})
    assert not tally.errors
    assert profiles[1]["u"][2] == len(events), "the other attribute counts every event"
    only_good, _ = run(group, *(make_line(**thing(v=value)) for value in good))
    assert profiles[1]["u"][1] == only_good[1]["u"][1]


@pytest.mark.parametrize(
    ("aggregation", "longest"),
    [("first", 4_096), ("approx_count_distinct", 4_096), ("most_frequent", 1_000), ("last", 10_000)],
)
def test_how_long_texts_may_be_in_a_period(
    make_group: MakeGroup, make_line: MakeLine, aggregation: str, longest: int
) -> None:
    attribute = {"aggregation": aggregation, "type": "string", "property": VALUE | {"path": "v"}, "period": "PT1H"}
    lines = [make_line(**thing(v="x" * length)) for length in (longest, longest + 1)]
    profiles, tally = run(make_group(attribute), *lines)
    assert tally.rejected == Counter({(1, 1): 1})
    only_good, _ = run(make_group(attribute), lines[0])
    assert profiles == only_good


def test_results_beyond_numbers_are_no_values(make_group: MakeGroup, make_line: MakeLine) -> None:
    parts = [VALUE | {"path": "a"}, VALUE | {"path": "b"}]
    calculated = {"type": "calculated", "operation": "product", "properties": parts}
    group = make_group(
        {"aggregation": "sum", "property": calculated}, {"aggregation": "max", "property": calculated}, {}
    )
    profiles, tally = run(group, make_line(**thing(a=1e300, b=1e300)), make_line(**thing(a=2, b=3)))
    assert profiles[1]["u"] == [CHANGED, [6], 6, 2]
    assert not tally.errors


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b'{"user_id": "\xff"}',
    rb'{"user_id": "\ud800"}',
    b'{"user_id": "u", "more": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    b'{"user_id": "u", "x": 1' + b"0" * 5_000 + b"}",
    b"\0",
]


def test_unreadable_lines_are_counted_and_the_others_applied(make_group: MakeGroup, make_line: MakeLine) -> None:
    good = make_line()
    profiles, tally = run(make_group({}), *(line for bad in HOSTILE for line in (bad, good)))
    assert (tally.unreadable, tally.errors) == (len(HOSTILE) - 2, []), "an empty line is none, and one is skipped over"
    chunk = b"\n".join(line for bad in HOSTILE for line in (bad, good))
    together, again = run(make_group({}), chunk)
    assert (together, again) == (profiles, tally)
    assert profiles[1]["u"][1] == len(HOSTILE) + 1


def test_a_name_that_is_no_text_is_an_error_of_that_event_only(make_group: MakeGroup, make_line: MakeLine) -> None:
    profiles, tally = run(
        make_group({"events": [{"name": "view"}]}), make_line(event_name={"a": 1}), make_line(event_name="view")
    )
    assert profiles[1]["u"][1] == 1
    assert len(tally.errors) == 1


def test_definitions_cannot_write_code(make_group: MakeGroup, make_line: MakeLine) -> None:
    group = make_group(
        {
            "events": [{"name": "view"}],
            "criteria": {
                "any": [
                    {"property": VALUE | {"path": "a'\"\\#b"}, "operator": "=", "value": "'''\n\\"},
                    {"property": VALUE | {"path": "from"}, "operator": "in", "value": ['"""', "\\'\n"]},
                ]
            },
        },
        {"aggregation": "last", "type": "string", "property": VALUE | {"path": "class.import.None"}},
    )
    # Names are checked when a group is registered; what is generated must not depend on that.
    evil = "shop\nraise SystemExit\r\0#"
    group = group.model_copy(update={"name": evil})
    assert group.attributes is not None
    group.attributes[0] = group.attributes[0].model_copy(update={"name": evil})
    line = make_line(event_name="view", **thing(**{"from": "\\'\n", "class": {"import": {"None": "x"}}}))
    profiles, tally = run(group, line)
    assert not tally.errors
    assert profiles[1]["u"][1:] == [1, [1000, 1000, "", "x"]]
    source = compile_program([(1, group)]).source("view")
    assert [text for text in source.splitlines() if "SystemExit" in text and not text.strip().startswith("#")] == []


def test_the_source_can_be_read(make_group: MakeGroup) -> None:
    program = compile_program([(1, make_group({"events": [{"name": "view"}]}))])
    assert "# shop_v1" in program.source("view") and "counter" in program.source("view")
    assert program.source("other") == ""


def test_many_kinds_of_events_are_forgotten_and_compiled_again(
    make_group: MakeGroup, make_line: MakeLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KINDS", 3)
    program = compile_program([(1, make_group({"events": [{"name": f"e{number}"} for number in range(5)]}))])
    profiles = program.fresh_profiles()
    for _ in range(2):
        for number in range(10):
            program.apply([make_line(event_name=f"e{number}")], profiles, NOW)
            assert len(program._binders) <= 3
    assert profiles[1]["u"] == [CHANGED, 10]


def test_a_program_travels_to_another_process(make_group: MakeGroup, make_line: MakeLine) -> None:
    program = compile_program([(7, make_group({"aggregation": "sum", "property": VALUE | {"path": "v"}}))])
    program.apply([make_line(**thing(v=1))], program.fresh_profiles(), NOW)
    again: Program = pickle.loads(pickle.dumps(program))
    profiles = again.fresh_profiles()
    again.apply([make_line(**thing(v=2))], profiles, NOW)
    assert profiles[7]["u"] == [CHANGED, [2]]


def test_everything_that_cannot_be_computed_is_named(make_group: MakeGroup) -> None:
    group = make_group({}, {"aggregation": "unique_list", "type": "string_list"}, {"aggregation": "sum"})
    with pytest.raises(DefinitionError) as caught:
        plan_group(group.model_copy(update={"attribute_key": group.attribute_key.model_copy(update={"name": "who"})}))
    assert [problem.loc for problem in caught.value.problems] == [
        ("attributes", 1, "property"),
        ("attributes", 2, "property"),
        ("attribute_key",),
    ]


def test_a_property_that_is_lacking_is_enough_to_refuse_a_group(make_group: MakeGroup) -> None:
    with pytest.raises(DefinitionError, match="needs a property"):
        plan_group(make_group({}, {"aggregation": "sum"}))


@pytest.mark.parametrize(
    ("derived", "collector", "expected"),
    [
        ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z", (1000, 2000)),
        ("1970-01-01T00:00:09Z", "1970-01-01T00:00:02Z", (2000, 2000)),
        (None, "1970-01-01T00:00:02Z", (2000, 2000)),
        ("1970-01-01T00:00:01Z", None, (1000, 1000)),
        (None, None, (NOW, NOW)),
        ("rubbish", 5, (NOW, NOW)),
    ],
)
def test_when_an_event_happened(derived: Any, collector: Any, expected: tuple[int, int]) -> None:
    assert moment(derived, collector, "e", NOW) == (*expected, "e")
    assert moment(derived, collector, ["no text"], NOW)[2] == ""


def test_profiles_that_age_are_found_again_until_they_age_twice() -> None:
    loaded: list[str] = []

    def load(key: str) -> None:
        loaded.append(key)

    profiles = Profiles(1, load)
    kept = profiles["u"]
    profiles.age()
    assert profiles["u"] is kept
    profiles.age()
    profiles.age()
    assert profiles["u"] is not kept
    assert loaded == ["u", "u"]


def test_profiles_that_were_let_go_of_are_freed_in_pieces() -> None:
    profiles = Profiles(1)
    for name in ("a", "b", "c", "d"):
        for number in range(10):
            profiles[f"{name}{number}"]
        profiles.age()
    # The last generation is old, the three before were let go of.
    for left in (19, 8, 0, 0):
        profiles.shed(11)
        assert sum(map(len, profiles._leaving)) == left
    assert profiles["d3"] == [VERSION, None]
