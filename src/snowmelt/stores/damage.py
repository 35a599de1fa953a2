"""Whether the LMDB files of a data folder are whole, and what to do about one that is not."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import lmdb

from snowmelt.stores.errors import StoreError

_FILE: Final = "data.mdb"
_WHOLE: Final = "whole"
_THOROUGH: Final = "--thorough"


class DamagedError(StoreError):
    """A store's file is not what was written: cut off, overwritten, or of something else.

    Args:
        what: the store, for example ``event log``.
        path: its folder.
        found: what is wrong with it.

    >>> print(DamagedError("outbox", Path("/data/outbox"), "cut off"))
    the outbox at /data/outbox is damaged (cut off): stop the server, move /data/outbox away and start it again; \
interventions of the last minutes that somebody has not received yet are lost
    """

    code = "store_damaged"

    def __init__(self, what: str, path: Path, found: object) -> None:
        super().__init__(f"the {what} at {path} is damaged ({found}): {remedy(what, path)}")


def remedy(what: str, path: Path) -> str:
    """What to do about a store that is damaged or gone."""
    if what == "event log":
        return (
            "restore the data folder from a backup; without one, leave only registry.sqlite, webhooks.sqlite, "
            f"sandbox.token, signing.secret and iglu in {path.parent}, move the rest away and start again: "
            "definitions stay, values begin anew"
        )
    if what == "profile store":
        return (
            f"stop the server, move {path} away and start it again: it is rebuilt from the last checkpoint and the "
            "event log"
        )
    if what == "outbox":
        return (
            f"stop the server, move {path} away and start it again; interventions of the last minutes that somebody "
            "has not received yet are lost"
        )
    return "restore it from a backup"


def damage_of(folders: Sequence[Path], *, thorough: bool = False) -> dict[Path, str]:
    """What is wrong with LMDB environments, by folder; those that are whole, or not there, are not in it.

    They are read by a process of its own: what reads a damaged file may be ended by the system.

    Args:
        folders: of the environments. Others may work on them meanwhile.
        thorough: read all that is in them. Otherwise only where they begin and end, and all if a file is shorter than
            it says of itself.

    Cost: some 50 ms for all; with ``thorough``, reading every file once.

    >>> damage_of([Path("/no/such/folder")])
    {}
    """
    found: dict[Path, str] = {}
    waiting = [folder for folder in folders if (folder / _FILE).exists()]
    while waiting:
        command = [sys.executable, "-m", __name__, *([_THOROUGH] if thorough else []), *map(str, waiting)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        found |= {folder: line for folder, line in zip(waiting, lines, strict=False) if line != _WHOLE}
        if len(lines) < len(waiting):
            # It did not survive this one.
            found[waiting[len(lines)]] = "it cannot be read without a crash: parts of it are missing or overwritten"
        waiting = waiting[len(lines) + 1 :]
    return found


def _look(folder: Path, thorough: bool) -> str:
    try:
        environment = lmdb.open(str(folder), readonly=True, readahead=False, max_dbs=0)
    except lmdb.Error as error:
        # An empty file is one in which nothing was written yet.
        return str(error) if (folder / _FILE).stat().st_size else _WHOLE
    try:
        size = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
        # Pages that are free at the end may never have been written: then the file is short and whole.
        if thorough or (folder / _FILE).stat().st_size < size:
            with Path(os.devnull).open("wb") as nowhere:
                environment.copyfd(nowhere.fileno(), compact=True)
        with environment.begin() as txn, txn.cursor() as cursor:
            for move in (cursor.first, cursor.last):
                if move():
                    cursor.item()
    except lmdb.Error as error:
        return str(error)
    finally:
        environment.close()
    return _WHOLE


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if argument != _THOROUGH:
            print(_look(Path(argument), _THOROUGH in sys.argv), flush=True)  # noqa: T201
