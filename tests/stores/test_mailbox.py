"""Mailboxes: no note is lost or torn, and the dead get none."""

import select
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from another_process import AnotherProcess, send_notes
from snowmelt.stores.errors import StoreError
from snowmelt.stores.mailbox import Mailbox, Mailboxes, Note


@pytest.fixture
def mailboxes(tmp_path: Path) -> Mailboxes:
    return Mailboxes(tmp_path / "mailboxes")


@pytest.fixture
def mailbox(mailboxes: Mailboxes) -> Iterator[Mailbox]:
    opened = mailboxes.own(7)
    yield opened
    opened.close()


def readable(mailbox: Mailbox) -> bool:
    return bool(select.select([mailbox], [], [], 0)[0])


def test_notes_come_whole_and_in_order(mailboxes: Mailboxes, mailbox: Mailbox) -> None:
    notes = [Note(b"A", uuid4(), number, number**3) for number in range(100)]
    assert not readable(mailbox) and mailbox.take() == []
    assert all(mailboxes.send(note, 7) for note in notes)
    assert readable(mailbox)
    assert mailbox.take() == notes
    assert not readable(mailbox)


def test_any_process_sends(
    mailboxes: Mailboxes, mailbox: Mailbox, tmp_path: Path, another_process: AnotherProcess
) -> None:
    note = Note(b"N", uuid4(), 9, 1)
    assert another_process(send_notes, tmp_path / "mailboxes", note) == [7]
    assert mailbox.take() == [note]


def test_everybody_but_the_sender_gets_a_note(mailboxes: Mailboxes, mailbox: Mailbox) -> None:
    other = mailboxes.own(8)
    assert mailboxes.send_all(Note(b"N", sender=7)) == [8]
    assert sorted(mailboxes.send_all(Note(b"N"))) == [7, 8]
    other.close()
    assert mailboxes.send_all(Note(b"N")) == [7]


def test_a_mailbox_that_nobody_reads_is_removed(mailboxes: Mailboxes, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "mailboxes" / "99.notes")  # as a process leaves it that was killed
    (tmp_path / "mailboxes" / "something.else").touch()
    assert mailboxes.send_all(Note(b"N")) == []
    assert not (tmp_path / "mailboxes" / "99.notes").exists()
    assert not mailboxes.send(Note(b"N"), 99)


def test_a_number_can_be_used_again(mailboxes: Mailboxes, mailbox: Mailbox, tmp_path: Path) -> None:
    """Process ids come again; the pipe of the earlier process may still be there."""
    successor = mailboxes.own(7)
    assert mailboxes.send(Note(b"N"), 7)
    assert successor.take() == [Note(b"N")]
    assert mailbox.take() == []
    successor.close()


def test_a_full_mailbox_takes_no_more_and_blocks_nobody(mailboxes: Mailboxes, mailbox: Mailbox) -> None:
    note, sent = Note(b"N", uuid4()), 0
    while mailboxes.send(note, 7):
        sent += 1
        assert sent < 10_000
    taken = []
    while got := mailbox.take():
        taken += got
    assert taken == [note] * sent and sent > 1_000
    assert mailboxes.send(note, 7)


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made"):
        Mailboxes(tmp_path / "no" / "where")
    (tmp_path / "gone").mkdir()
    mailboxes = Mailboxes(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        mailboxes.own(1)
