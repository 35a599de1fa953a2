"""Attribute keys: whose profile an event belongs to."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from snowmelt.definitions.atomic import is_atomic
from snowmelt.definitions.base import Definition
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.names import Name, Text, Text128, Text255
from snowmelt.definitions.property import AtomicProperty, EntityProperty, EventProperty, LeafProperty


class LinkAttributeKey(Definition):
    """A reference to an attribute key by its name. A whole key may be given in its place."""

    name: Name = Field(description="Name of the key.")

    @model_validator(mode="before")
    @classmethod
    def _from_key(cls, data: Any) -> Any:
        return {"name": data.name} if isinstance(data, AttributeKey) else data


class AttributeKey(Definition):
    """What identifies a profile, e.g. a user or a session.

    Events give the identifier by ``property``, else by the atomic field named ``key``, else by the one named
    ``name``. Without a ``name`` the key is called like its ``external_column``, its atomic field or the
    last part of its path.

    >>> crm_id = EntityProperty(vendor="com.example", name="user", major_version=1, path="crm.id")
    >>> AttributeKey(property=crm_id).name
    'id'
    """

    name: Name = Field(default="", description="How groups and readers refer to the key.")
    description: Text | None = Field(default=None, description="Whom it identifies, for people.")
    key: Name | None = Field(default=None, description="Atomic field that holds the identifier; `property` says more.")
    external_column: Text128 | None = Field(default=None, description="Column of a warehouse table; equals `name`.")
    property: LeafProperty | None = Field(default=None, description="Where events hold the identifier.")
    owner: Text255 | None = Field(default=None, description="Who answers for it.")
    ttl: Duration | None = Field(default=None, description="Profiles are forgotten after this long without events.")
    is_published: bool = Field(default=False, description="Whether it is in use.")

    @model_validator(mode="before")
    @classmethod
    def _from_link(cls, data: Any) -> Any:
        return {"name": data.name} if isinstance(data, LinkAttributeKey) else data

    @model_validator(mode="after")
    def _derive_name(self) -> "AttributeKey":
        if not self.name:
            self.name = self._derived_name()
        if self.external_column is not None and self.external_column != self.name:
            raise ValueError(f"`external_column` must equal the name `{self.name}`, but is `{self.external_column}`")
        return self

    def _derived_name(self) -> str:
        if self.external_column is not None:
            return self.external_column
        match self.property:
            case AtomicProperty(name=name):
                return name
            case EventProperty(path=path) | EntityProperty(path=path):
                return path.rsplit(".", 1)[-1]
        if self.key is not None:
            raise ValueError("a key needs a `name`: it is not derived from `key` alone, only from `property`")
        raise ValueError("a key needs a `name`, a `property` or an `external_column`")

    def key_property(self) -> AtomicProperty | EventProperty | EntityProperty | None:
        """The property that identifies the profile, or ``None`` when events cannot give it.

        >>> AttributeKey(name="user", key="domain_userid").key_property()
        AtomicProperty(type='atomic', name='domain_userid', date_part=None)
        """
        if self.property is not None:
            return self.property
        for name in (self.key, self.name):
            if name is not None and is_atomic(name):
                return AtomicProperty.model_validate({"name": name})
        return None

    def key_or_name(self) -> str:
        """The ``key`` if there is one, else the ``name``."""
        return self.key or self.name


domain_userid = AttributeKey(
    name="domain_userid", key="domain_userid", description="A browser, by the tracker's first-party cookie."
)
"""Built in: the tracker's first-party user id."""

domain_sessionid = AttributeKey(
    name="domain_sessionid", key="domain_sessionid", description="A visit, by the tracker's session cookie."
)
"""Built in: the tracker's session id."""

user_id = AttributeKey(name="user_id", key="user_id", description="A known user, by the id that the application sets.")
"""Built in: the id that the application sets."""

network_userid = AttributeKey(
    name="network_userid", key="network_userid", description="A browser, by the collector's cookie."
)
"""Built in: the collector's user id."""

BUILT_IN_KEYS: Mapping[str, AttributeKey] = {
    key.name: key for key in (domain_userid, domain_sessionid, user_id, network_userid)
}
"""The keys that every registry has from the start."""

user_attribute_key = AttributeKey(
    name="user", key="domain_userid", description="Deprecated in favour of domain_userid."
)
"""Deprecated: write ``domain_userid``."""

session_attribute_key = AttributeKey(
    name="session", key="domain_sessionid", description="Deprecated in favour of domain_sessionid."
)
"""Deprecated: write ``domain_sessionid``."""
