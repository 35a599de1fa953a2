"""Attribute groups: versioned sets of attributes of one key, and the three kinds of them."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field as ModelField
from pydantic import field_validator, model_validator

from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.definitions.base import Definition, OwnedDefinition, Owner
from snowmelt.definitions.batch_source import BatchSource
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.enums import AttributeType, GroupKind
from snowmelt.definitions.names import Instant, Name, Text, VersionNumber
from snowmelt.definitions.reading import AttributeReader


class Field(Definition):
    """A column of a warehouse table that is served as it is."""

    name: Name = ModelField(description="Name of the column.")
    description: Text | None = ModelField(default=None, description="What it tells, for people.")
    type: AttributeType = ModelField(description="Type of the value.")


class AttributeGroup(OwnedDefinition):
    """Any kind of attribute group; see the three kinds below for what each needs.

    A name and a version identify a group. Once a version was published its content never changes.
    """

    name: Name = ModelField(description="Name of the group.")
    version: VersionNumber = ModelField(default=1, description="Version of the group, from 1.")
    attribute_key: AttributeKey = ModelField(description="Whose attributes these are.")
    ttl: Duration | None = ModelField(default=None, description="For attributes without a `ttl` of their own.")
    batch_source: BatchSource | None = ModelField(default=None, description="Table that feeds the group.")
    online: bool = ModelField(default=True, description="Deprecated, without effect.")
    offline: bool | None = ModelField(default=None, description="Whether a warehouse computes the group.")
    description: Text | None = ModelField(default=None, description="What it is about, for people.")
    owner: Owner = ModelField(
        default=None, validate_default=True, description="E-mail address of whoever answers for it."
    )
    fields: list[Field] | None = ModelField(default=None, description="Columns that are served as they are.")
    attributes: list[Attribute] | None = ModelField(default=None, description="What is computed from events.")
    is_published: bool = ModelField(default=False, description="Whether it is in use.")
    backfill_since_tstamp: Instant | None = ModelField(
        default=None, description="Past events from here on count too; for tables, the first row read."
    )
    refresh_rate: Duration | None = ModelField(default=None, description="How often a table is read; hourly if absent.")

    @property
    def kind(self) -> GroupKind:
        """Which of the three kinds this is, told by its content.

        >>> from snowmelt.definitions import domain_userid
        >>> AttributeGroup(name="shop", attribute_key=domain_userid, owner="data@example.com").kind
        'stream'
        """
        if not self.offline:
            return "stream"
        return "external" if self.fields else "batch"

    @property
    def qualified_name(self) -> str:
        """``{name}_v{version}``, which qualifies attribute names."""
        return f"{self.name}_v{self.version}"

    def column_names(self) -> tuple[str, ...]:
        """The names of everything that can be read from the group: attributes, then fields."""
        return tuple(column.name for column in (*(self.attributes or ()), *(self.fields or ())))

    def get_attributes(self, signals: AttributeReader, identifier: str) -> dict[str, Any]:
        """All attributes of one profile.

        Args:
            signals: the client to read through.
            identifier: the value of the group's attribute key, e.g. a user id.
        """
        return signals.get_group_attributes(
            name=self.name,
            version=self.version,
            attributes=list(self.column_names()),
            attribute_key=self.attribute_key.name,
            identifier=identifier,
        )


class StreamAttributeGroup(AttributeGroup):
    """Attributes that are computed from events as they come in.

    >>> from snowmelt.definitions import domain_userid
    >>> views = Attribute(name="views", type="int32", aggregation="counter")
    >>> group = StreamAttributeGroup(
    ...     name="shop", version=2, attribute_key=domain_userid, attributes=[views], owner="data@example.com"
    ... )
    >>> group.qualified_name
    'shop_v2'
    """

    offline: Literal[False] = ModelField(default=False, description="Always false.")
    batch_source: None = ModelField(default=None, description="Never present.")
    fields: None = ModelField(default=None, description="Never present.")
    attributes: list[Attribute] = ModelField(min_length=1, description="What is computed from events.")

    @field_validator("fields", mode="before")
    @classmethod
    def _no_fields(cls, value: Any) -> Any:
        return None if value == [] else value


class BatchAttributeGroup(AttributeGroup):
    """Attributes that a warehouse computes from past events."""

    offline: Literal[True] = ModelField(default=True, description="Always true.")
    fields: None = ModelField(default=None, description="Never present.")
    attributes: list[Attribute] = ModelField(min_length=1, description="What is computed from events.")

    @field_validator("fields", mode="before")
    @classmethod
    def _no_fields(cls, value: Any) -> Any:
        return None if value == [] else value


class ExternalBatchAttributeGroup(AttributeGroup):
    """Columns of a table of one's own, served beside attributes that come from events."""

    offline: Literal[True] = ModelField(default=True, description="Always true.")
    attributes: None = ModelField(default=None, description="Never present.")
    batch_source: BatchSource = ModelField(description="The table.")
    fields: list[Field] = ModelField(min_length=1, description="The columns.")

    @field_validator("attributes", mode="before")
    @classmethod
    def _no_attributes(cls, value: Any) -> Any:
        return None if value == [] else value


_KINDS: Mapping[GroupKind, type[AttributeGroup]] = {
    "stream": StreamAttributeGroup,
    "batch": BatchAttributeGroup,
    "external": ExternalBatchAttributeGroup,
}


def read_group(data: Any) -> AttributeGroup:
    """A group of its own kind, read from the members of its JSON form.

    A draft that lacks what its kind needs, or has what it must not have, stays a plain
    :class:`AttributeGroup`; :func:`snowmelt.definitions.rules.check_group` tells what is wrong with it.

    Args:
        data: the decoded JSON of any kind of group.

    Raises:
        pydantic.ValidationError: a member is missing, malformed or out of its limits.

    >>> columns = [{"name": "views", "type": "int32", "aggregation": "counter"}]
    >>> definition = {"name": "shop", "attribute_key": {"name": "user_id"}, "attributes": columns}
    >>> type(read_group(definition)).__name__
    'StreamAttributeGroup'
    """
    group = AttributeGroup.model_validate(data)
    kind = _KINDS[group.kind]
    if group.kind == "external":
        fits = not group.attributes and group.batch_source is not None
    else:
        fits = bool(group.attributes) and not group.fields and (group.kind == "batch" or group.batch_source is None)
    if not fits:
        return group
    members = dict(group) | {"offline": kind is not StreamAttributeGroup}
    members["attributes" if group.kind == "external" else "fields"] = None
    return kind.model_construct(_fields_set=group.model_fields_set | {"offline"}, **members)


class VersionedLinkAttributeGroup(Definition):
    """A reference to one version of a group. The group itself may be given in its place."""

    name: Name = ModelField(description="Name of the group.")
    version: VersionNumber = ModelField(default=1, description="Version of the group.")

    @model_validator(mode="before")
    @classmethod
    def _from_group(cls, data: Any) -> Any:
        return {"name": data.name, "version": data.version} if isinstance(data, AttributeGroup) else data
