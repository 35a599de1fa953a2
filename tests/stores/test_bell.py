"""The bell: nothing is missed between looking and waiting."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from another_process import AnotherProcess, ring
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError

LONG = 20.0


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    opened = Bell(tmp_path / "bell")
    yield opened
    opened.close()


def rang(bell: Bell, seconds: float = LONG) -> bool:
    """Whether a wait ends before its time."""
    started = time.monotonic()
    assert bell.wait(seconds) == []
    return time.monotonic() - started < seconds


def test_a_ring_before_the_wait_is_not_lost(bell: Bell) -> None:
    bell.ring()
    assert rang(bell)


def test_rings_are_taken_together_and_only_once(bell: Bell) -> None:
    for _ in range(3):
        bell.ring()
    assert rang(bell)
    assert not rang(bell, 0.01)


def test_more_rings_than_the_pipe_holds_do_not_block(bell: Bell) -> None:
    for _ in range(70_000):
        bell.ring()
    assert rang(bell)


def test_a_ring_ends_a_wait_that_has_begun(bell: Bell) -> None:
    ended = threading.Event()

    def waiting() -> None:
        assert rang(bell)
        ended.set()

    thread = threading.Thread(target=waiting)
    thread.start()
    bell.ring()
    assert ended.wait(LONG)
    thread.join()


def test_any_process_rings(bell: Bell, tmp_path: Path, another_process: AnotherProcess) -> None:
    another_process(ring, tmp_path / "bell", 2)
    assert rang(bell)


def test_other_descriptors_end_a_wait_too(bell: Bell) -> None:
    reading, writing = os.pipe()
    assert bell.wait(0, also=[reading]) == []
    os.write(writing, b"x")
    assert bell.wait(LONG, also=[reading]) == [reading]
    bell.ring()
    assert bell.wait(LONG, also=[reading]) == [reading]
    assert not rang(bell, 0.01), "the ring was taken together with the descriptor"
    os.read(reading, 1)
    os.close(writing)
    assert bell.wait(LONG, also=[reading]) == [reading], "the end of a pipe counts: it is the life line's cut"
    os.close(reading)


def test_the_pipe_is_private_and_outlives_its_openers(tmp_path: Path) -> None:
    first, second = Bell(tmp_path / "bell"), Bell(tmp_path / "bell")
    assert (tmp_path / "bell").stat().st_mode & 0o777 == 0o600
    first.ring()
    first.close()
    assert rang(second)
    second.close()


def test_what_is_no_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bell").write_text("a copy of the data folder may hold this")
    with pytest.raises(StoreError, match="must be a named pipe"):
        Bell(tmp_path / "bell")
    with pytest.raises(StoreError, match="cannot be opened"):
        Bell(tmp_path / "nowhere" / "bell")
