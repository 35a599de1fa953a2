"""A request that what is held about somebody be erased, as the event log keeps it."""

import msgspec


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whose data is meant: one value of one attribute key.

    Args:
        key: the name under which it was asked for.
        names: of all attribute keys with the same place in events; that one is among them.
        places: what the value is called in events: a column, parameters of trackers, the last part of a path.
        identifier: the value.
    """

    key: str
    names: tuple[str, ...]
    places: tuple[str, ...]
    identifier: str


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    Args:
        id: under which its receipt is found.
        time: when it was made, ms since the epoch.
        subjects: whose data; none once it is done, so that the log names nobody.
    """

    id: str
    time: int
    subjects: tuple[Subject, ...] = ()
