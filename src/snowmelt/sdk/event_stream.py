"""Reads Server-Sent Events out of bytes, however they are cut into pieces. Without I/O."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event.

    Args:
        data: What it carries; lines are joined by a newline.
        kind: Its type, ``message`` if it names none.
    """

    data: str
    kind: str = "message"


class EventStreamParser:
    """Takes the bytes of one connection and gives its events.

    An event counts once the blank line after it is there, and only then moves `last_event_id`: of an event that
    was cut off nothing remains, and whoever comes back with the id gets the whole of it.

    Args:
        last_event_id: What an earlier connection ended with.

    >>> parser = EventStreamParser()
    >>> list(parser.feed(b": hello\\n\\nid: 7\\ndata: wor")), list(parser.feed(b"ld\\n\\n")), parser.last_event_id
    ([], [StreamEvent(data='world', kind='message')], '7')
    """

    def __init__(self, last_event_id: str | None = None) -> None:
        self.last_event_id = last_event_id
        """To be sent when the stream is asked for again; None if the server has given none."""
        self.retry: float | None = None
        """Seconds that the server asks to wait before coming back; None if it has not."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._after_return = False
        self._id = last_event_id
        self._kind = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """The events that a piece completes."""
        text = self._decoder.decode(piece)
        if self._after_return and text:
            # The carriage return at the end of the piece before may have been half of a line end.
            text = text.removeprefix("\n")
            self._after_return = False
        if text.endswith("\r"):
            self._after_return = True
        *lines, self._rest = (self._rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            event = self._take(line)
            if event is not None:
                yield event

    def _take(self, line: str) -> StreamEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id":
            if "\0" not in value:
                self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value) / 1000
        return None

    def _dispatch(self) -> StreamEvent | None:
        self.last_event_id = self._id
        data, kind = self._data, self._kind
        self._data, self._kind = [], ""
        return StreamEvent("\n".join(data), kind or "message") if data else None
