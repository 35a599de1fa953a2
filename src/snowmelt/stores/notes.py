"""Notes: small values beside the records of the event log, changed in the same transaction as an append."""

from hashlib import blake2b
from typing import NamedTuple

import lmdb

from snowmelt.stores.errors import NoteMovedError

PREFIX = bytes(8)
"""Before the key of every record: places begin at 1."""

_MAX_KIND = 32


class Note(NamedTuple):
    """One change of a note: a compare-and-set.

    How far a file, a Kafka partition or an output has come is a note. It is changed together with the records that
    it is about, so that neither can be there without the other.

    Args:
        kind: what sort of note, an ASCII word of at most 32 letters.
        name: tells notes of one kind apart.
        was: what it must hold now; ``None`` if it must not be there.
        value: what it is to hold; ``None`` removes it.
    """

    kind: str
    name: tuple[str, ...]
    was: bytes | None
    value: bytes | None


def note_key(kind: str, name: tuple[str, ...]) -> bytes:
    """The key of a note in the log's environment: names may be longer than LMDB's keys, so they are hashed."""
    return kind_prefix(kind) + blake2b("\0".join(name).encode(), digest_size=24).digest()


def kind_prefix(kind: str) -> bytes:
    """What the keys of all notes of a kind begin with."""
    assert kind.isascii() and 0 < len(kind) <= _MAX_KIND
    return PREFIX + kind.encode() + b"\0"


def change(txn: lmdb.Transaction, note: Note) -> None:
    """Carry out a change.

    Raises:
        NoteMovedError: the note does not hold what it must.
    """
    key = note_key(note.kind, note.name)
    stored = txn.get(key)
    if stored != note.was:
        raise NoteMovedError(
            f"the {note.kind} note of {' '.join(note.name)} was changed by another process: two do the same work on "
            "one data folder; stop one of them"
        )
    if note.value is None:
        txn.delete(key)
    else:
        txn.put(key, note.value)
