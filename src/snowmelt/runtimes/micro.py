"""The door for tests, as the settings have it."""

from ipaddress import ip_address

from snowmelt.api.auth import Gate
from snowmelt.iglu.configuration import build_resolver
from snowmelt.iglu.local import LocalRegistry
from snowmelt.iglu.resolver import Resolver
from snowmelt.micro.door import MicroDoor
from snowmelt.micro.follower import Follower
from snowmelt.micro.memory import Memory
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.settings import Settings
from snowmelt.stores.event_log import EventLog


def micro_door(settings: Settings, log: EventLog, gate: Gate, host: str) -> MicroDoor:
    """The door; a closed one if the settings do not want it.

    Who asks needs a token, unless nobody from elsewhere can ask, or the settings say that anybody may.

    Args:
        settings: of the server.
        log: the event log.
        gate: knows tokens.
        host: address that the server listens on.
    """
    if not settings.micro.enabled:
        return MicroDoor(None, None)

    def prepare() -> tuple[Follower, Resolver]:
        # Servers that do without need not load all that enrichment needs.
        from snowmelt.runtimes.enricher import enricher_of

        follower = Follower(log, enricher_of(settings), Memory(settings.micro))
        return follower, build_resolver(settings.schemas, LocalRegistry(DataDir(settings.data_dir).schemas))

    is_open = settings.micro.public or ip_address(host).is_loopback
    return MicroDoor(prepare, None if is_open else gate)
