"""The registry of schemas in the data folder."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal

from snowmelt.errors import SnowmeltError
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.repository import Place
from snowmelt.iglu.schema import Schema

Outcome = Literal["added", "replaced", "unchanged"]


class SchemaExists(SnowmeltError):
    """There is another schema of this key already."""

    code: ClassVar[str] = "schema_exists"


class LocalRegistry(SchemaFolder):
    """Schemas of one's own; whoever resolves schemas sees a new one within seconds.

    Args:
        path: its folder; made when the first schema is added.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, Place("local"))

    def add(self, schema: Schema, *, replace: bool = False) -> Outcome:
        """Keep a schema; it is on the disk when this returns.

        Args:
            schema: to keep. It is compiled here, so that none is kept that judges nothing.
            replace: whether it may take the place of another one of the same key. Data that the other one let
                through stays as it is, so it is better to give the new one a new version.

        Raises:
            UnusableSchema: it is not a valid schema.
            SchemaExists: there is another one of this key.
            OSError: the disk refuses.
        """
        _ = schema.compiled
        file = self.file(schema.key)
        assert file is not None, "a schema that was read has a vendor"
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.parent / f".{secrets.token_hex(8)}.new"
        try:
            with draft.open("xb") as opened:
                opened.write(schema.text)
                opened.flush()
                os.fsync(opened.fileno())
            # Linking fails if there is one, so that of two who add at once only one wins.
            with suppress(FileExistsError):
                file.hardlink_to(draft)
                _sync(file.parent)
                return "added"
            if _says_the_same(file.read_bytes(), schema.text):
                return "unchanged"
            if not replace:
                raise SchemaExists(
                    f"there is another {schema.key.uri} already: give the new one a new version, or replace the old "
                    "one with --replace (over HTTP ?replace=true)"
                )
            draft.replace(file)
            _sync(file.parent)
            return "replaced"
        finally:
            draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two documents differ in blanks and the order of members only."""
    try:
        first, second = (json.dumps(json.loads(text), sort_keys=True) for text in (one, other))
    except ValueError:  # somebody else's hand was at the file
        return False
    return first == second
