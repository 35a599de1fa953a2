"""Appends lines from elsewhere to the event log, beside a running server or without one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from snowmelt.cli.errors import CommandError
from snowmelt.cli.line_formats import LINE_FORMATS, UNREADABLE, Format
from snowmelt.cli.line_source import Block
from snowmelt.enrichment.failed import ARTIFACT, VERSION
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.failed_events import Failed, FailedEvents

CATEGORY = "loader_parsing_error"
SCHEMA = f"iglu:com.snowplowanalytics.snowplow.badrows/{CATEGORY}/jsonschema/2-0-0"

FIRST_ITEM = 1_000_000
"""Failed lines are numbered from here within a record: no request holds so many events of its own."""

WRONG_FORMAT = 1_000
"""When so many lines were read and none of them could be, the format is not what was said."""


@dataclass
class Tally:
    """What happened so far.

    Args:
        lines: that were not blank.
        appended: that are in the event log, on the disk.
        unreadable: that are not.
    """

    lines: int = 0
    appended: int = 0
    unreadable: int = 0


@dataclass
class _Unreadable:
    place: str
    reason: str
    line: bytes


@dataclass
class Importer:
    """Converts blocks of lines, appends them in one synced transaction each, and keeps what was unreadable.

    A failed line has no record of its own. It is filed under the record that its readable neighbours went to,
    which nobody else files anything under in these numbers; hence a run in which nothing is readable files
    nothing.

    Args:
        log: where records go.
        bell: wakes the engine.
        failed: where unreadable lines go.
        line_format: of the lines.
        report: called with the place and the reason of each unreadable line.
        clock: ms since the epoch.
    """

    log: EventLog
    bell: Bell
    failed: FailedEvents
    line_format: Format
    report: Callable[[str, str], None]
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    tally: Tally = field(default_factory=Tally, init=False)
    _waiting: list[_Unreadable] = field(default_factory=list, init=False)
    _sequence: int | None = field(default=None, init=False)
    _next_item: int = field(default=FIRST_ITEM, init=False)

    def take(self, name: str, block: Block) -> None:
        """Append a block.

        Args:
            name: of the file, for messages.
            block: some of its lines.

        Raises:
            CommandError: a thousand lines were read, and none is of the format.
            StoreError: the log cannot be written; nothing of this block is in it then.
        """
        convert, records = LINE_FORMATS[self.line_format]
        good: list[bytes] = []
        for number, line in enumerate(block.lines, start=block.first):
            if not line.strip():
                continue
            self.tally.lines += 1
            try:
                good.append(convert(line.removesuffix(b"\r")))
            except UNREADABLE as error:
                self._refuse(f"{name}:{number}", str(error), line)
        if good:
            self._sequence = self.log.append(list(records(good, self.clock())))
            self._next_item = FIRST_ITEM
            self.bell.ring()
            self.tally.appended += len(good)
        if self._sequence is not None:
            self._file(self._sequence)

    def _refuse(self, place: str, reason: str, line: bytes) -> None:
        self.tally.unreadable += 1
        self._waiting.append(_Unreadable(place, reason, line))
        self.report(place, reason)
        if self.tally.unreadable == self.tally.lines == WRONG_FORMAT:
            raise CommandError(
                f"none of the first {WRONG_FORMAT} lines is {self.line_format}; nothing was imported. "
                "Is --format right?"
            )

    def _file(self, sequence: int) -> None:
        if not self._waiting:
            return
        now = self.clock()
        self.failed.add(
            [
                Failed(sequence, item, now, CATEGORY, f"{one.place}: {one.reason}", _row(one))
                for item, one in enumerate(self._waiting, start=self._next_item)
            ]
        )
        self._next_item += len(self._waiting)
        self._waiting.clear()


def _row(one: _Unreadable) -> dict[str, object]:
    errors: Sequence[object] = [{"type": "UnhandledRowDecodingError", "message": f"{one.place}: {one.reason}"}]
    return {
        "schema": SCHEMA,
        "data": {
            "processor": {"artifact": ARTIFACT, "version": VERSION},
            "failure": {"type": "RowDecodingError", "errors": errors},
            "payload": one.line.decode("utf-8", "replace"),
        },
    }
