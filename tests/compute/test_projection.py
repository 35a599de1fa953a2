"""Decoding only what is needed gives what decoding everything gives."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute.projection import EVERY, Path, Projection, walk, walk_every

NAMES = [
    "a",
    "b",
    "class",
    "from",
    "None",
    "type",
    "self",
    "event",
    "a-b",
    "a_b",
    "a b",
    "é",
    "1",
    "__init__",
    "f_a",
    "",
    '"',
    "\\",
    "\n",
    "\x1f",
]
paths = st.tuples(
    st.sampled_from(["top", "class", "contexts_x_1"]),
    st.lists(st.sampled_from(NAMES) | st.integers(0, 2), max_size=3),
).map(lambda drawn: (drawn[0], *drawn[1]))
paths_to_every = st.tuples(
    st.sampled_from(["top", "contexts_x_1"]),
    st.lists(st.sampled_from(["a", "b", 0]), max_size=2),
    st.lists(st.sampled_from(["a", "b", 0, 1]), max_size=2),
).map(lambda drawn: (drawn[0], *drawn[1], EVERY, *drawn[2]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
events = st.dictionaries(st.sampled_from(["top", "class", "contexts_x_1", "more"]), values, max_size=4)


def read(projection: Projection, path: Path, event: Any) -> Any:
    return eval(projection.access(path, "event"), {"event": event, "walk": walk, "walk_every": walk_every})


def walked(event: Any, path: Path) -> Any:
    """What the whole event holds at a path; of a path with a step into every element a list."""
    if EVERY not in path:
        return walk(event, path)
    at = path.index(EVERY)
    return walk_every(walk(event, path[:at]), path[at + 1 :])


def is_read_as(found: Any, expected: Any) -> bool:
    if isinstance(found, msgspec.Struct | list | dict):
        # Containers are never values of attributes; what matters is that they are not scalars.
        return isinstance(expected, dict | list)
    return bool(found == expected) and type(found) is type(expected)


@given(st.sets(paths | paths_to_every, min_size=1, max_size=5), st.lists(events, max_size=4))
def test_every_path_reads_as_in_the_whole_event(wanted: set[Path], drawn: list[dict[str, Any]]) -> None:
    projection = Projection(wanted)
    lines = [msgspec.json.encode(event) for event in drawn]
    together = projection.decode_lines(b"\n".join(lines))
    assert len(together) == len(drawn)
    for event, line, among_others in zip(drawn, lines, together, strict=True):
        for projected in (projection.decode(line), among_others):
            for path in wanted:
                expected, found = walked(event, path), read(projection, path, projected)
                if EVERY in path:
                    assert len(found) == len(expected)
                    assert all(map(is_read_as, found, expected))
                else:
                    assert is_read_as(found, expected)


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_an_index_beyond_the_last_element_leads_nowhere(step: int, length: int) -> None:
    path: Path = ("contexts_x_1", step, "a")
    projection = Projection([path])
    event = projection.decode(msgspec.json.encode({"contexts_x_1": [{"a": number} for number in range(length)]}))
    assert read(projection, path, event) == (step if step < length else None)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_a_member(name: str) -> None:
    projection = Projection([("unstruct_event_x_1", name)])
    event = projection.decode(msgspec.json.encode({"unstruct_event_x_1": {name: 5, "more": 6}}))
    assert read(projection, ("unstruct_event_x_1", name), event) == 5


@pytest.mark.parametrize("steps", [["a", 0], ["a"], [0], [0, "a", 0]])
def test_a_path_may_be_long(steps: list[str | int]) -> None:
    path: Path = ("x", *steps * 2_000)
    nested: Any = 5
    for step in reversed(path[1:40]):
        nested = {step: nested} if step == "a" else [nested]
    projection = Projection([path, path[:40]])
    event = projection.decode(msgspec.json.encode({"x": nested}))
    assert read(projection, path[:40], event) == 5
    assert read(projection, path, event) is None


def test_a_column_that_no_event_has_is_not_looked_for() -> None:
    projection = Projection([('contexts_com_"x"_1', 0, "a"), ("b",)])
    event = projection.decode(b'{"b": 1, "contexts_com_\\"x\\"_1": [{"a": 1}]}')
    assert read(projection, ('contexts_com_"x"_1', 0, "a"), event) is None
    assert event.b == 1


def test_names_that_look_alike_are_kept_apart() -> None:
    wanted = [("x", name) for name in ("a-b", "a b", "a_b", "a_b_")]
    projection = Projection(wanted)
    event = projection.decode(b'{"x": {"a-b": 1, "a b": 2, "a_b": 3, "a_b_": 4}}')
    assert [read(projection, path, event) for path in wanted] == [1, 2, 3, 4]


DEEP = b'{"more": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
UNREADABLE = {
    "no JSON": b"{",
    "another kind": b"[1]",
    "null": b"null",
    "a number": b"1",
    "NaN": b'{"x": NaN}',
    "not UTF-8": b'{"x": "\xff"}',
    "half a surrogate pair": rb'{"x": "\ud800"}',
    "a number beyond doubles": b'{"x": 1e999}',
    "a text after it": b'{"x": 1} oops',
    "nested too deeply": DEEP,
    "nested too deeply where something is read": DEEP.replace(b"more", b"x"),
    "a byte order mark": b'\xef\xbb\xbf{"x": 1}',
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_line_that_cannot_be_read_is_none_and_spoils_no_other(line: bytes) -> None:
    projection = Projection([("x",)])
    assert projection.decode(line) is None
    chunk = b'{"x": 1}\n' + line + b'\n\n{"x": 2}\r\n'
    assert [event and event.x for event in projection.decode_lines(chunk)] == [1, None, 2]


@pytest.mark.parametrize("chunk", [b"", b"\n", b"\n\n \r\n"])
def test_a_chunk_may_hold_nothing(chunk: bytes) -> None:
    assert Projection([("x",)]).decode_lines(chunk) == []


def test_a_list_may_be_read_by_its_elements_and_otherwise() -> None:
    wanted: list[Path] = [("x", EVERY, "a"), ("x", "b", EVERY, "a", "c"), ("x", 1, "a")]
    projection = Projection(wanted)
    as_list = projection.decode(b'{"x": [{"a": 1}, {"a": 2}, {}]}')
    assert [read(projection, path, as_list) for path in wanted] == [[1, 2, None], [], 2]
    as_object = projection.decode(b'{"x": {"b": [{"a": {"c": 3}}, 4]}}')
    assert [read(projection, path, as_object) for path in wanted] == [[], [3, None], None]


def test_an_unusual_shape_reads_as_missing_beside_what_is_there() -> None:
    projection = Projection([("x", "a"), ("y", 0, "b"), ("z",)])
    event = projection.decode(b'{"x": "text", "y": {"b": 1}, "z": [1]}')
    assert [read(projection, path, event) for path in (("x", "a"), ("y", 0, "b"), ("z",))] == [None, None, [1]]


def test_nothing_needed_is_nothing_decoded() -> None:
    assert msgspec.structs.asdict(Projection([]).decode(b'{"a": {"b": 1}}')) == {}
