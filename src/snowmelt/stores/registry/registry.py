"""The registry as one object."""

from pathlib import Path
from typing import Self

from snowmelt.definitions import AgenticDecision, EventLog
from snowmelt.stores.registry.agentic_decisions import AGENTIC_DECISIONS
from snowmelt.stores.registry.api_keys import ApiKeys
from snowmelt.stores.registry.database import Clock, Database, GroupCheck, utc_now
from snowmelt.stores.registry.drafts import Drafts
from snowmelt.stores.registry.engine_snapshot import engine_snapshot
from snowmelt.stores.registry.event_logs import EVENT_LOGS
from snowmelt.stores.registry.groups import Groups
from snowmelt.stores.registry.interventions import Interventions
from snowmelt.stores.registry.keys import Keys
from snowmelt.stores.registry.publishing import Publishing
from snowmelt.stores.registry.read_model import ReadModel, load_read_model
from snowmelt.stores.registry.revision import RevisionReader
from snowmelt.stores.registry.schema import ensure_schema
from snowmelt.stores.registry.services import Services


class Registry:
    """Where definitions are kept.

    Any number of processes may have the same registry open; each sees the others' changes at once. Every
    method may be called from any thread.

    Attributes:
        keys: attribute keys.
        groups: attribute groups.
        services: services.
        interventions: interventions.
        event_logs: event logs.
        agentic_decisions: agentic decisions.
        publishing: state changes of several of them at once.
        api_keys: who may call.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with Registry.open(Path(folder) / "registry.sqlite") as registry:
    ...         [stored.key.name for stored in registry.keys.all()]
    ['domain_sessionid', 'domain_userid', 'network_userid', 'user_id']
    """

    def __init__(self, database: Database, revisions: RevisionReader) -> None:
        self._database = database
        self._revisions = revisions
        self.keys = Keys(database)
        self.groups = Groups(database)
        self.services = Services(database)
        self.interventions = Interventions(database)
        self.event_logs: Drafts[EventLog] = Drafts(database, EVENT_LOGS)
        self.agentic_decisions: Drafts[AgenticDecision] = Drafts(database, AGENTIC_DECISIONS)
        self.publishing = Publishing(database)
        self.api_keys = ApiKeys(database)

    @classmethod
    def open(cls, path: Path, *, clock: Clock = utc_now) -> Self:
        """Open the registry in the file ``path``; a new one has the built-in keys.

        Args:
            path: the SQLite file; its folder must exist.
            clock: tells the instants that changes are recorded with.

        Raises:
            UnreadableRegistry: the file cannot be opened, or a newer release wrote it.
        """
        database = Database(path, clock)
        try:
            ensure_schema(database)
            return cls(database, RevisionReader(path))
        except BaseException:
            database.close()
            raise

    def require(self, check_stream: GroupCheck) -> None:
        """Publish a stream group only if ``check_stream`` has nothing against it either.

        Args:
            check_stream: finds what keeps a group that follows the rules from being computed here.
        """
        self._database.check_stream = check_stream

    def revision(self) -> int:
        """How many changes were committed so far, by any process; about 5 microseconds."""
        return self._revisions.read()

    def snapshot(self) -> bytes:
        """What the engine must know; see ``engine_snapshot``."""
        with self._database.read() as connection:
            return engine_snapshot(connection)

    def read_model(self) -> ReadModel:
        """What reads need to know."""
        with self._database.read() as connection:
            return load_read_model(connection)

    def close(self) -> None:
        """Close the file."""
        self._revisions.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
