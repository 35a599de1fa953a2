"""Answers of the registry: definitions with what the server adds to them."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.definitions.base import Definition
from snowmelt.definitions.criteria import Criteria, Criterion
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.enums import PropertySyntax, TemplateCategory
from snowmelt.definitions.names import Instant
from snowmelt.definitions.property import Property
from snowmelt.definitions.wire.expressions import path_in_event, rendered, rendered_criteria


class AttributeKeyOutput(AttributeKey):
    """An attribute key as the registry answers with it."""

    blobl_path: str | None = Field(default=None, description="Path of the identifier in the engine's event.")

    def to_wire(self) -> dict[str, Any]:
        """All members, absent ones as null: clients insist on some."""
        return self.model_dump(mode="json", by_alias=True)


RenderedProperty: TypeAlias = Annotated[Property | str | dict[str, Any] | None, Field(union_mode="left_to_right")]
"""A property, or what another property syntax makes of it."""


class CriterionWithStringProperty(Criterion):
    """A criterion whose property may be rendered as text."""

    # Wider than what it refines, and only ever read.
    property: RenderedProperty = Field(default=None, description="What is compared.")  # type: ignore[assignment]


class CriteriaWithStringProperty(Criteria):
    """Criteria whose properties may be rendered as text."""

    all: list[CriterionWithStringProperty] | None = Field(  # type: ignore[assignment]
        default=None, description="Each of these must hold."
    )
    any: list[CriterionWithStringProperty] | None = Field(  # type: ignore[assignment]
        default=None, description="One of these must hold."
    )


class AttributeWithStringProperty(Attribute):
    """An attribute whose properties may be rendered as text, e.g. as a warehouse's column expression."""

    property: RenderedProperty = Field(  # type: ignore[assignment]
        default=None, description="The value that is aggregated."
    )
    criteria: CriteriaWithStringProperty | None = Field(default=None, description="Conditions on the event.")


class AttributeGroupResponse(AttributeGroup):
    """An attribute group as the registry answers with it."""

    attribute_key: AttributeKeyOutput = Field(description="Whose attributes these are.")
    attributes: list[AttributeWithStringProperty] | None = Field(  # type: ignore[assignment]
        default=None, description="What is computed from events."
    )
    full_name: str = Field(description="`{name}_v{version}`.")
    feast_name: str = Field(description="The same.")
    stream_source_name: str | None = Field(default=None, description="Only stream groups have one.")
    attribute_key_or_name: str = Field(description="The key's `key`, else its name.")
    attribute_group_or_attribute_key_ttl: Duration | None = Field(
        default=None, description="The group's `ttl`, else the key's."
    )
    created_at: Instant | None = Field(default=None, description="When it was registered.")
    updated_at: Instant | None = Field(default=None, description="When it last changed.")

    def to_wire(self) -> dict[str, Any]:
        """All members, absent ones as null; ``attributes`` is always a list, as some readers insist."""
        members = self.model_dump(mode="json", by_alias=True)
        return members | {"attributes": members["attributes"] or []}


def key_output(key: AttributeKey) -> AttributeKeyOutput:
    """What the registry answers for a key.

    >>> from snowmelt.definitions import user_id
    >>> key_output(user_id).blobl_path
    'user_id'
    """
    return AttributeKeyOutput.model_construct(
        _fields_set=key.model_fields_set | {"blobl_path"},
        **{name: getattr(key, name) for name in AttributeKey.model_fields},
        blobl_path=blobl_path(key),
    )


def group_response(
    group: AttributeGroup, *, created_at: datetime | None = None, updated_at: datetime | None = None
) -> AttributeGroupResponse:
    """What the registry answers for a group.

    Args:
        group: as registered, with the registered definition of its key.
        created_at: when it was registered.
        updated_at: when it last changed.
    """
    key = key_output(group.attribute_key)
    members: dict[str, Any] = {name: getattr(group, name) for name in AttributeGroup.model_fields}
    members |= {
        "attribute_key": key,
        "full_name": group.qualified_name,
        "feast_name": group.qualified_name,
        "stream_source_name": f"{group.name}_stream" if group.kind == "stream" else None,
        "attribute_key_or_name": key.key_or_name(),
        "attribute_group_or_attribute_key_ttl": group.ttl if group.ttl is not None else key.ttl,
        "created_at": created_at,
        "updated_at": updated_at,
    }
    return AttributeGroupResponse.model_construct(_fields_set=set(members), **members)


def with_property_syntax(answer: dict[str, Any], group: AttributeGroup, syntax: PropertySyntax) -> dict[str, Any]:
    """An answer with the properties of its attributes in another syntax.

    Args:
        answer: ``group_response(group).to_wire()``.
        group: what it answers for.
        syntax: of which system.
    """
    attributes = [
        members
        | {
            "property": None if attribute.property is None else rendered(attribute.property, syntax),
            "criteria": rendered_criteria(attribute.criteria, syntax),
        }
        for members, attribute in zip(answer["attributes"], group.attributes or (), strict=True)
    ]
    return answer | {"attributes": attributes}


def blobl_path(key: AttributeKey) -> str | None:
    """Where the engine's event holds the identifier, or nothing if events do not give it.

    >>> from snowmelt.definitions import EntityProperty
    >>> tag = EntityProperty(vendor="com.acme-shop", name="loyaltyCard", major_version=2, path="$.id")
    >>> blobl_path(AttributeKey(name="card", property=tag))
    'contexts_com_acme_shop_loyalty_card_2.0.id'
    """
    found = key.key_property()
    return None if found is None else path_in_event(found)


class DeleteResponse(Definition):
    """Something was removed."""

    ok: bool = Field(description="Always true.")


class AttributeGroupTemplate(Definition):
    """A set of attributes to start from."""

    name: str = Field(description="Name of the template.")
    description: str = Field(description="What it computes.")
    attributes: list[Attribute] = Field(description="The attributes.")
    category: TemplateCategory = Field(description="The shelf it stands on.")


class AttributeGroupTemplatesResponse(Definition):
    """All templates."""

    templates: list[AttributeGroupTemplate] = Field(description="The templates.")
