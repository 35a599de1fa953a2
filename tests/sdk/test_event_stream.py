"""The reader of Server-Sent Events, against a plain reading of the whole text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.sdk.event_stream import EventStreamParser, StreamEvent

LINES = st.sampled_from(
    ["", "", "data: a", "data:b", "data", "data:  c:d", ": comment", ":", "id: 7", "id", "id: 9\0", "event: other"]
) | st.sampled_from(["retry: 1500", "retry: x", "retry: ²", "unknown: e", "data: \u2028\x85é", "\x0bdata: f"])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def plain(lines: list[str]) -> tuple[list[StreamEvent], str | None, float | None]:
    """What the standard says, over whole lines."""
    events: list[StreamEvent] = []
    last = pending = None
    retry = None
    data: list[str] = []
    kind = ""
    for line in lines:
        if line == "":
            last = pending
            if data:
                events.append(StreamEvent("\n".join(data), kind or "message"))
            data, kind = [], ""
            continue
        name, value = line.split(":", 1) if ":" in line else (line, "")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            data = [*data, value]
        if name == "event":
            kind = value
        if name == "id" and "\0" not in value:
            pending = value
        if name == "retry" and value in ("1500",):
            retry = 1.5
    return events, last, retry


@given(st.lists(st.tuples(LINES, ENDS), max_size=25), st.lists(st.integers(0, 400), max_size=30), st.booleans())
def test_it_reads_the_same_however_the_bytes_are_cut(
    rows: list[tuple[str, str]], cuts: list[int], marked: bool
) -> None:
    text = "".join(line + end for line, end in rows)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    whole = ("\ufeff" if marked else "").encode() + text.encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    parser = EventStreamParser()
    found = [event for start, end in pairwise(places) for event in parser.feed(whole[start:end])]
    assert (found, parser.last_event_id, parser.retry) == plain(lines)


def test_an_event_that_was_cut_off_leaves_nothing() -> None:
    parser = EventStreamParser("1")
    assert list(parser.feed(b"id: 2\ndata: x\n\nid: 3\ndata: y\n")) == [StreamEvent("x")]
    assert parser.last_event_id == "2"


def test_an_id_alone_moves_on() -> None:
    parser = EventStreamParser("1")
    assert list(parser.feed(b": connected\n\nretry: 250\nid: 2\n\n")) == []
    assert (parser.last_event_id, parser.retry) == ("2", 0.25)


def test_bytes_that_are_no_text_do_not_end_it() -> None:
    assert list(EventStreamParser().feed(b"data: \xff\n\n")) == [StreamEvent("\ufffd")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_end_of_an_event_is_known_at_once(end: str) -> None:
    """Without waiting for the next byte, which may be a heartbeat away."""
    assert list(EventStreamParser().feed(f"data: now{end}{end}".encode())) == [StreamEvent("now")]
