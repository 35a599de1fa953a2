"""The identity of a data folder among the servers of a consumer group."""

import secrets

from snowmelt.stores.errors import NoteMovedError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.notes import Note

KIND = "server"


def server_id(log: EventLog) -> str:
    """A word of 12 letters and digits that is made once for a data folder, and stays."""
    try:
        if log.note(KIND, "id") is None:
            log.append([], [Note(KIND, ("id",), None, secrets.token_hex(6).encode())])
    except NoteMovedError:
        pass  # another process was first
    stored = log.note(KIND, "id")
    assert stored is not None
    return stored.decode()
