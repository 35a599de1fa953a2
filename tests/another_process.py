"""A second process, because the stores are made for several and LMDB opens an environment once in each."""

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import ParamSpec, TypeVar

from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind, Record
from snowmelt.stores.mailbox import Mailboxes, Note
from snowmelt.stores.outbox import Delivery, Outbox
from snowmelt.stores.profiles import ProfileReader, ProfileStore

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class AnotherProcess:
    """Runs the functions of this module elsewhere, one at a time."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __call__(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        return self._pool.submit(function, *args, **kwargs).result(timeout=30)

    def close(self) -> None:
        self._pool.shutdown()


def read_log(path: Path, after: int = 0) -> list[Record]:
    log = EventLog(path)
    try:
        return list(log.follow(after))
    finally:
        log.close()


def append_to_log(path: Path, records: Sequence[tuple[Kind, int, bytes]]) -> int:
    log = EventLog(path)
    try:
        return log.append(records)
    finally:
        log.close()


def append_to_outbox(path: Path, deliveries: Sequence[Delivery]) -> int:
    outbox = Outbox(path)
    try:
        return outbox.append(deliveries)
    finally:
        outbox.close()


def read_outbox(path: Path) -> list[Delivery]:
    outbox = Outbox(path)
    try:
        return outbox.read(0)
    finally:
        outbox.close()


def send_notes(folder: Path, note: Note) -> list[int]:
    return Mailboxes(folder).send_all(note)


def read_profiles(path: Path, items: Sequence[tuple[int, bytes]]) -> tuple[int, bytes | None, list[bytes | None]]:
    """Position, statistics and profiles, as a web process sees them."""
    reader = ProfileReader(path)
    try:
        return reader.position(), reader.statistics(), reader.get(items)
    finally:
        reader.close()


def commit_position(path: Path, position: int) -> None:
    """What a second engine does."""
    store = ProfileStore(path)
    try:
        with store.commit() as commit:
            commit.position = position
    finally:
        store.close()


def ring(path: Path, times: int) -> None:
    bell = Bell(path)
    for _ in range(times):
        bell.ring()
    bell.close()


def hold_lock(path: Path, held: Event, let_go: Event) -> None:
    """Hold a lock until told to die. To be run in a process of its own."""
    ProcessLock(path, "engine").acquire()
    held.set()
    let_go.wait(30)
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_reading(path: Path) -> None:
    """End as by the kernel, in the middle of a read. To be run in a process that is not needed any more."""
    import lmdb

    environment = lmdb.open(str(path), map_size=2**30)
    reading = environment.begin()
    reading.get(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
