"""Publishing and unpublishing what is registered, all or nothing."""

from collections.abc import Sequence

from snowmelt.stores.registry.database import Database
from snowmelt.stores.registry.groups import set_group_published
from snowmelt.stores.registry.keys import set_key_published
from snowmelt.stores.registry.services import set_service_published


class Publishing:
    """Changes the state of several definitions in one transaction, with the checks of a single change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(
        self,
        *,
        keys: Sequence[str] = (),
        groups: Sequence[tuple[str, int]] = (),
        services: Sequence[str] = (),
    ) -> None:
        """Publish keys, then groups, then services; what is published already stays so.

        Args:
            keys: names.
            groups: names and versions.
            services: names.

        Raises:
            RegistryError: the first refusal or unknown reference; then nothing was changed.
        """
        with self._database.write() as change:
            for name in keys:
                set_key_published(change, name, True)
            for name, version in groups:
                set_group_published(change, name, version, True)
            for name in services:
                set_service_published(change, name, True)

    def unpublish(
        self,
        *,
        keys: Sequence[str] = (),
        groups: Sequence[tuple[str, int]] = (),
        services: Sequence[str] = (),
    ) -> None:
        """The reverse, in reverse order. Arguments and errors are those of ``publish``."""
        with self._database.write() as change:
            for name in services:
                set_service_published(change, name, False)
            for name, version in groups:
                set_group_published(change, name, version, False)
            for name in keys:
                set_key_published(change, name, False)
