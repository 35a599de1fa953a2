"""Why the registry does not do what it was asked.

::

    RegistryError                  status  code
    ├── AlreadyExists              400     already_exists
    ├── NotFound                   404     not_found
    ├── Refused                    409     refused
    │   ├── PublishedVersion       409     published_version
    │   ├── StillPublished         409     still_published
    │   ├── InUse                  409     in_use
    │   ├── OnlyDraft              409     only_draft
    │   ├── TooManyPublished       409     too_many_published
    │   ├── BuiltIn                409     built_in
    │   └── KeyConflict            409     key_conflict
    ├── InvalidDefinition          422     invalid_definition
    ├── UnwritableRegistry         503     unwritable_registry
    └── UnreadableRegistry         500     unreadable_registry
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from snowmelt.definitions.problems import Problem
from snowmelt.errors import SnowmeltError


class RegistryError(SnowmeltError):
    """The registry refused a request; ``status`` is the HTTP status that says so."""

    code: ClassVar[str] = "registry_error"
    status: ClassVar[int] = 500


class AlreadyExists(RegistryError):
    """A definition of this name (and version) is there already; clients then update it instead."""

    code = "already_exists"
    status = 400


class NotFound(RegistryError):
    """There is no definition of this name (and version)."""

    code = "not_found"
    status = 404


class Refused(RegistryError):
    """The present state of the registry forbids the change."""

    code = "refused"
    status = 409


class PublishedVersion(Refused):
    """A published version cannot be changed; a higher version is needed.

    Args:
        what: kind and name, for example ``Attribute group shop``.
        version: the published one.
        next_free: a version that can be taken.
    """

    code = "published_version"

    def __init__(self, what: str, version: int, next_free: int) -> None:
        super().__init__(
            f"{what} version {version} is published and cannot be changed. "
            f"Publish the new definition as version {next_free}, or unpublish version {version} first."
        )
        self.next_free = next_free


class StillPublished(Refused):
    """Only what is unpublished can be deleted."""

    code = "still_published"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is published. Unpublish it, then delete it.")


class InUse(Refused):
    """Other definitions refer to it; they are named.

    Args:
        what: the definition that was to be changed, for example ``Attribute group shop version 1``.
        action: what was to be done to it, for example ``deleted``.
        users: the definitions that refer to it, in words.
    """

    code = "in_use"

    def __init__(self, what: str, action: str, users: Sequence[str]) -> None:
        super().__init__(f"{what} cannot be {action}: it is used by {', '.join(users)}. Change or delete these first.")
        self.users = tuple(users)


class OnlyDraft(Refused):
    """A draft without anything live beside it is not discarded but deleted."""

    code = "only_draft"


class TooManyPublished(Refused):
    """As many of a kind are published as may be."""

    code = "too_many_published"


class BuiltIn(Refused):
    """A built-in attribute key stays as it is."""

    code = "built_in"


class KeyConflict(Refused):
    """A definition describes an attribute key otherwise than the registry does."""

    code = "key_conflict"


class InvalidDefinition(RegistryError):
    """A definition breaks rules; ``problems`` lists all of them, located relative to the definition."""

    code = "invalid_definition"
    status = 422

    def __init__(self, what: str, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        lines = [f"  {problem}" for problem in self.problems]
        super().__init__("\n".join([f"{what} is not valid:", *lines]))


class UnwritableRegistry(RegistryError):
    """The disk does not take a change at present; nothing was changed."""

    code = "unwritable_registry"
    status = 503


class UnreadableRegistry(RegistryError):
    """The registry file cannot be used by this release."""

    code = "unreadable_registry"
