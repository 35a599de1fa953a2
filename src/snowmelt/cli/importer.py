"""Appends lines from elsewhere to the event log, beside a running server or without one."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from snowmelt.cli.errors import CommandError
from snowmelt.cli.line_source import Block
from snowmelt.connectors.line_formats import LINE_FORMATS, UNREADABLE, Entry, Format, as_unreadable
from snowmelt.events.unreadable import UnreadableLine
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.notes import Note

WRONG_FORMAT = 1_000
"""When so many lines were read and none of them could be, the format is not what was said."""


@dataclass
class Tally:
    """What happened so far.

    Args:
        lines: that were not blank.
        appended: that are in the event log, on the disk.
        unreadable: that are no events.
    """

    lines: int = 0
    appended: int = 0
    unreadable: int = 0


@dataclass
class Importer:
    """Converts blocks of lines and appends them in one synced transaction each, with the note of how far it came.

    Lines that cannot be read go into the log, too, where the engine makes failed events of them. Until the first line
    that can be read nothing is appended: a run in which nothing is readable leaves nothing.

    Args:
        log: where records go.
        bell: wakes the engine.
        line_format: of the lines.
        report: called with the place and the reason of each unreadable line.
        clock: ms since the epoch.
    """

    log: EventLog
    bell: Bell
    line_format: Format
    report: Callable[[str, str], None]
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    tally: Tally = field(default_factory=Tally, init=False)
    _entries: list[Entry] = field(default_factory=list, init=False)
    _notes: list[Note] = field(default_factory=list, init=False)
    _readable: int = field(default=0, init=False)

    def take(self, name: str, block: Block, note: Note | None = None) -> None:
        """Append a block.

        Args:
            name: of the file, for messages.
            block: some of its lines.
            note: says how far the file has come with it.

        Raises:
            CommandError: a thousand lines were read, and none is of the format.
            StoreError: the log cannot be written; nothing of this block is in it then.
        """
        convert, records = LINE_FORMATS[self.line_format]
        good: list[bytes] = []
        bad: list[UnreadableLine] = []
        for number, line in enumerate(block.lines, start=block.first):
            if not line.strip():
                continue
            self.tally.lines += 1
            try:
                good.append(convert(line.removesuffix(b"\r")))
            except UNREADABLE as error:
                bad.append(UnreadableLine(f"{name}:{number}", str(error), line))
                self._refuse(bad[-1])
        now = self.clock()
        self._entries += [*records(good, now), *as_unreadable(bad, now)]
        self._readable += len(good)
        self.note(note)
        self.tally.appended += len(good)

    def note(self, note: Note | None) -> None:
        """Append what waits, and a note; nothing as long as nothing was readable."""
        self._notes += [note] if note else []
        if self._readable and (self._entries or self._notes):
            self.log.append(self._entries, self._notes)
            self.bell.ring()
            self._entries, self._notes = [], []

    def _refuse(self, line: UnreadableLine) -> None:
        self.tally.unreadable += 1
        self.report(line.place, line.reason)
        if self.tally.unreadable == self.tally.lines == WRONG_FORMAT:
            raise CommandError(
                f"none of the first {WRONG_FORMAT} lines is {self.line_format}; nothing was imported. "
                "Is --format right?"
            )
