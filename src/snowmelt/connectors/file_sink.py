"""An output into files, which grow, are finished, and are followed by the next."""

import gzip
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import BufferedRandom
from pathlib import Path

from snowmelt.connectors.output_lines import Line
from snowmelt.connectors.sink import OpenFiles
from snowmelt.settings_connectors import FilesOutput
from snowmelt.stores.environment import sync_path

PART = ".part"


class FileSink:
    """Writes ``good`` and ``failed`` files below a folder, each line once whatever happens.

    What was written after the last note is cut off at the next start, and written again. Compressed files are sequences
    of gzip members, one for each sync, so that they can be cut.

    Args:
        settings: of the output.
        files: as :meth:`files` gave them at last.
        clock: ms since the epoch.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(
        self,
        settings: FilesOutput,
        files: OpenFiles,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        good = "tsv" if settings.format == "enriched-tsv" else "jsonl"
        self._streams = {
            stream: _Stream(settings, stream, ending, files.get(stream), clock)
            for stream, ending in (("good", good), ("failed", "jsonl"))
        }

    def write(self, good: list[Line], failed: list[Line], place: int) -> None:
        """Take lines; see :class:`~snowmelt.connectors.sink.Sink`."""
        self._streams["good"].write(good, place)
        self._streams["failed"].write(failed, place)

    def sync(self, is_stopping: Callable[[], bool]) -> None:
        """Put what was taken on the disk."""
        for stream in self._streams.values():
            stream.sync()

    def files(self) -> OpenFiles:
        """The files that are being written."""
        return {name: state for name, stream in self._streams.items() if (state := stream.state()) is not None}

    def turn(self) -> bool:
        """Finish the files that are large or old enough."""
        turned = [stream.turn() for stream in self._streams.values()]
        return any(turned)

    def close(self) -> None:
        """Close the files; they stay unfinished, and are gone on with."""
        for stream in self._streams.values():
            stream.close()


class _Stream:
    def __init__(
        self,
        settings: FilesOutput,
        stream: str,
        ending: str,
        state: tuple[str, int, int] | None,
        clock: Callable[[], int],
    ) -> None:
        self._folder = settings.folder / stream
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name, self._clock, self._gzip = settings.name, clock, settings.gzip
        self._ending = f".{ending}.gz" if settings.gzip else f".{ending}"
        self._most_ms, self._most_bytes = settings.rotate_minutes * 60_000, settings.rotate_mb * 1024**2
        self._waiting: list[bytes] = []
        self._place = 0
        self._file: BufferedRandom | None = None
        self._path, self._size, self._begun = Path(), 0, 0
        if state is not None:
            path = self._folder / (state[0] + PART)
            # If it is not there it was finished, and only that was not noted.
            if path.exists():
                self._open(path, state[1], state[2])

    def write(self, lines: list[Line], place: int) -> None:
        if lines and not self._waiting:
            self._place = place
        self._waiting += [line.text for line in lines]

    def sync(self) -> None:
        if not self._waiting:
            return
        if self._file is None:
            now = self._clock()
            stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
            name = f"{self._name}-{stamp}-{self._place:012d}{self._ending}{PART}"
            self._open(self._folder / name, 0, now)
        assert self._file is not None
        data = b"\n".join(self._waiting) + b"\n"
        data = gzip.compress(data, 6) if self._gzip else data
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._size += len(data)
        self._waiting = []

    def state(self) -> tuple[str, int, int] | None:
        return None if self._file is None else (self._path.name.removesuffix(PART), self._size, self._begun)

    def turn(self) -> bool:
        if self._file is None or (self._size < self._most_bytes and self._clock() - self._begun < self._most_ms):
            return False
        self.close()
        self._path.rename(self._path.with_name(self._path.name.removesuffix(PART)))
        sync_path(self._folder)
        return True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path, size: int, begun: int) -> None:
        path.touch()
        self._file = path.open("r+b")
        self._file.truncate(size)
        self._file.seek(size)
        sync_path(self._folder)
        self._path, self._size, self._begun = path, size, begun
