"""What SQLite leaves in its files of rows that were deleted, and how that goes."""

import sqlite3
import time

PATIENCE_SECONDS = 10.0


def leave_nothing(database: sqlite3.Connection) -> None:
    """Write a database anew, and empty its write-ahead log.

    Deleted rows stay in free pages, in gaps of others and in the log until something happens to be written over them.

    Args:
        database: in no transaction; others may use it meanwhile.

    Raises:
        sqlite3.Error: if there is no room for a second copy, or somebody uses it for longer than ten seconds.
    """
    database.execute("VACUUM")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("somebody reads it all the time, so that its log cannot be emptied")
        time.sleep(0.05)
