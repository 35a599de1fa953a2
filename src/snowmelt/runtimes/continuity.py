"""Whether the parts of a data folder belong together: what one has counted, another must know of."""

import msgspec

from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.statistics import Statistics
from snowmelt.stores.damage import remedy
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.profiles import ProfileStore


def check_continuity(data: DataDir, log: EventLog, store: ProfileStore) -> None:
    """Refuse a data folder of which a part is gone, or comes from another time than the rest.

    Going on would lose events without a word: a log that was emptied numbers its records anew, and the profiles take
    them for counted; a registry that was made anew has revisions that the engine takes for old.

    Raises:
        StoreError: says which part, and what to do.
    """
    head, tail, position = log.head(), log.tail(), store.position
    if position > head:
        raise StoreError(
            f"the event log at {log.path} ends at record {head}, but the profiles include record {position}: records "
            f"are gone that were there; {remedy('event log', log.path)}"
        )
    if position + 1 < tail:
        raise StoreError(
            f"the profiles at {store.path} include the event log up to record {position}, but it begins at {tail}, and "
            "there is no checkpoint that reaches so far: restore the data folder from a backup, or put "
            f"{data.path / 'profiles.checkpoint'} back"
        )
    if not data.registry.exists() and (store.definitions or _has_definitions(log)):
        raise missing_registry(data, "is gone")


def missing_registry(data: DataDir, what: str) -> StoreError:
    """What to say when the registry does not know the definitions that the engine runs.

    Args:
        data: the data folder.
        what: of the registry, for example ``is gone``.
    """
    return StoreError(
        f"the registry {data.registry} {what}, while the event log has definitions out of it: restore it from a "
        f"backup, which may be older than the rest if nothing was published since; without one, start on a new data "
        "folder, and publish the definitions and import the events anew"
    )


def check_registry(data: DataDir, revision: int, statistics: bytes | None) -> None:
    """Refuse a registry that is older than the definitions that the engine runs.

    Args:
        data: the data folder.
        revision: of the registry.
        statistics: of the profile store.

    Raises:
        StoreError: what is published from now on would have no effect.
    """
    run = Statistics.decode(statistics).revision
    if revision < run:
        raise missing_registry(data, f"is at revision {revision}, and the engine at {run}")


def _has_definitions(log: EventLog) -> bool:
    """Whether some were ever put in force, as far as the log goes back."""
    snapshots = (msgspec.json.decode(record.body) for record in log.follow() if record.kind is Kind.DEFINITIONS)
    return any(any(snapshot.get(kind) for kind in ("groups", "event_logs", "interventions")) for snapshot in snapshots)
