"""What can be wrong with a data folder."""

from snowmelt.errors import SnowmeltError


class StoreError(SnowmeltError):
    """A store cannot be used as asked."""

    code = "store"


class StoreFullError(StoreError):
    """There is no room for more: the disk is full, or the store's configured size is reached."""

    code = "store_full"


class PositionMovedError(StoreError):
    """Another engine has committed to this profile store; this one must stop."""

    code = "position_moved"


class NoteMovedError(StoreError):
    """Another process has moved a note of the event log; this one must not go on from what it knew."""

    code = "note_moved"
