"""One output: follows the event log from its own position."""

import time
from collections.abc import Callable

import msgspec
import structlog

from snowmelt.connectors.errors import ConnectorError
from snowmelt.connectors.output_lines import Lines
from snowmelt.connectors.output_progress import load, save
from snowmelt.connectors.sink import OpenFiles, Sink
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog

READ_RECORDS = 256
LOOK_SECONDS = 0.2
SAVE_SECONDS = 0.5
"""While there is much to write, the position is noted this often: each time costs a sync of the log."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0

logger = structlog.get_logger("snowmelt.output")


class OutputWriter:
    """Writes what is new in the log to a sink, and notes how far it came once that is safe.

    Args:
        name: of the output.
        log: whose records.
        lines: makes lines of them.
        make_sink: makes the sink, from what an earlier one left.
    """

    def __init__(self, name: str, log: EventLog, lines: Lines, make_sink: Callable[[OpenFiles], Sink]) -> None:
        self._name, self._log, self._lines, self._make_sink = name, log, lines, make_sink

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Write until told to stop; what goes wrong is tried again, from the position that was noted last."""
        pause = FIRST_PAUSE
        while not is_stopping():
            session = None
            try:
                session = _Session(self._name, self._log, self._lines, self._make_sink)
                session.run(is_stopping)
                return
            except (ConnectorError, StoreError, OSError) as error:
                if is_stopping():
                    return
                pause = FIRST_PAUSE if session is not None and session.wrote_something else pause
                logger.warning("writing starts again", output=self._name, pause=pause, error=str(error))
            finally:
                if session is not None:
                    session.sink.close()
            deadline = time.monotonic() + pause
            while not is_stopping() and time.monotonic() < deadline:
                time.sleep(0.05)
            pause = min(pause * 2, LONGEST_PAUSE)


class _Session:
    """One sink, and what was written to it since the last note."""

    def __init__(self, name: str, log: EventLog, lines: Lines, make_sink: Callable[[OpenFiles], Sink]) -> None:
        self._log, self._lines = log, lines
        self._noted = load(log, name)
        self._progress = msgspec.structs.replace(self._noted)
        self.sink = make_sink(self._progress.files)
        self.wrote_something = False
        self._saved = time.monotonic()

    def run(self, is_stopping: Callable[[], bool]) -> None:
        while True:
            more = self._write_some()
            if not more or time.monotonic() - self._saved > SAVE_SECONDS:
                self._save(is_stopping)
            if is_stopping():
                self._save(is_stopping)
                return
            if not more:
                time.sleep(LOOK_SECONDS)

    def _write_some(self) -> bool:
        progress = self._progress
        records = self._log.read(progress.position, READ_RECORDS)
        if not records:
            return False
        if (gap := records[0].sequence - progress.position - 1) > 0:
            logger.error("records were dropped before they were written: raise keep_hours", records=gap)
            progress.missed += gap
        for record in records:
            made = self._lines.of(record)
            if made is None:
                return False
            good, failed = made
            self.sink.write(good, failed, record.sequence)
            progress.position = record.sequence
            progress.events += len(good)
            progress.failed += len(failed)
        return True

    def _save(self, is_stopping: Callable[[], bool]) -> None:
        self.sink.sync(is_stopping)
        self._note()
        if self.sink.turn():
            self._note()
        self._saved = time.monotonic()

    def _note(self) -> None:
        self._progress.files = self.sink.files()
        if self._progress == self._noted:
            return
        save(self._log, self._progress, self._noted)
        self._noted = msgspec.structs.replace(self._progress)
        self.wrote_something = True
