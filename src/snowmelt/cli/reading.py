"""From a name that somebody types to the service or group version that it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowmelt.cli.errors import CommandError
from snowmelt.sdk.errors import SignalsNotFoundError

if TYPE_CHECKING:
    from snowmelt.sdk.client import SignalsSandbox

_VERSIONED = re.compile(r"(\w+)_v([1-9][0-9]*)")


@dataclass(frozen=True)
class Readable:
    """A service, or one version of a group.

    Args:
        name: its name.
        version: of a group; None for a service.
        columns: the attributes of a group; of a service they come with the answer.
        keys: the attribute keys of the groups.
    """

    name: str
    version: int | None = None
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """For people."""
        return f"service {self.name}" if self.version is None else f"group {self.name} version {self.version}"

    def read(self, signals: SignalsSandbox, key: str, identifier: str) -> dict[str, Any]:
        """The present values for one identifier.

        Raises:
            CommandError: no group has the key, so that nothing could ever be read.
        """
        if self.keys and key not in self.keys:
            raise CommandError(f"{self.title} has no attribute key {key}; it has {', '.join(self.keys)}")
        if self.version is None:
            return signals.get_service_attributes(self.name, key, identifier)
        return signals.get_group_attributes(self.name, self.version, list(self.columns), key, identifier)


def resolve(signals: SignalsSandbox, name: str) -> Readable:
    """What a name means: a registered service, else ``group_vN``, else the highest version of a group.

    Raises:
        SignalsNotFoundError: nothing of that name is registered.
    """
    try:
        service = signals.registry.get_service(name)
    except SignalsNotFoundError:
        pass
    else:
        groups = (signals.get_attribute_group(link.name, link.version) for link in service.attribute_groups)
        return Readable(service.name, keys=tuple(dict.fromkeys(group.attribute_key.name for group in groups)))
    versioned = _VERSIONED.fullmatch(name)
    if versioned:
        try:
            return _group(signals, versioned[1], int(versioned[2]))
        except SignalsNotFoundError:
            pass  # the name of a group may itself end like a version
    return _group(signals, name, None)


def _group(signals: SignalsSandbox, name: str, version: int | None) -> Readable:
    group = signals.get_attribute_group(name, version)
    return Readable(group.name, group.version, group.column_names(), (group.attribute_key.name,))
