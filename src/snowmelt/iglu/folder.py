"""A folder of schemas in the layout of a static registry."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from snowmelt.events.errors import SchemaUriError
from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.lru import Lru
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.schema import MAX_BYTES, Schema, UnusableSchema

_Signature = tuple[int, int, int]


class SchemaFolder:
    """Schemas in files ``schemas/<vendor>/<name>/<format>/<version>``, as igluctl writes them.

    A file that was changed is read again; one that was not is the same ``Schema`` as before.

    Args:
        path: the folder that ``schemas`` is in; need not exist.
        place: its name, and when it is asked.
        size: schemas that are kept in memory at most.
    """

    def __init__(self, path: Path, place: Place, size: int = 500) -> None:
        self.path = path
        self._place = place
        self._known: Lru[SchemaKey, tuple[_Signature, Schema | Absence]] = Lru(size)

    @property
    def place(self) -> Place:
        """Its name, and when it is asked."""
        return self._place

    def file(self, key: SchemaKey) -> Path | None:
        """Where a schema is, or would be; ``None`` for a vendor whose name would lead out of the folder."""
        if not key.vendor.strip("."):
            return None
        return self.path.joinpath("schemas", *key)

    def look_up(self, key: SchemaKey) -> Schema | Absence:
        """The schema of a key, or why there is none; costs a look at the file's size and time if it is known."""
        file = self.file(key)
        try:
            if file is None:
                raise FileNotFoundError
            status = file.stat()
            signature = (status.st_ino, status.st_size, status.st_mtime_ns)
            known = self._known.get(key)
            if known is not None and known[0] == signature:
                return known[1]
            with file.open("rb") as opened:
                found = _read(opened.read(MAX_BYTES + 1), key)
        except (FileNotFoundError, NotADirectoryError):
            return Absence("missing", "no such file", 1, _now_ms())
        except OSError as error:
            return Absence("unusable", f"the file cannot be read: {error.strerror}", 1, _now_ms())
        self._known.set(key, (signature, found))
        return found

    def look_anew(self) -> None:
        """It always looks."""

    def schema_keys(self) -> Iterator[SchemaKey]:
        """Everything that has the place of a schema, sorted; files that have not are passed over."""
        root = self.path / "schemas"
        for folder, folders, files in os.walk(root):
            folders.sort()
            parts = Path(folder).relative_to(root).parts
            if len(parts) != 3:
                continue
            for version in sorted(files, key=_by_number):
                try:
                    yield SchemaKey.parse(SchemaKey(*parts, version).uri)
                except SchemaUriError:
                    continue


def _read(text: bytes, key: SchemaKey) -> Schema | Absence:
    try:
        return Schema.parse(text, key)
    except UnusableSchema as error:
        return Absence("unusable", str(error), 1, _now_ms())


def _by_number(version: str) -> tuple[list[int], str]:
    return [int(part) for part in version.split("-") if part.isdecimal()], version


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
