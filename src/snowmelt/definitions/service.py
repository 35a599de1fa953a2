"""Services: groups that an application reads together."""

from typing import Any

from pydantic import Field

from snowmelt.definitions.attribute_group import VersionedLinkAttributeGroup
from snowmelt.definitions.base import OwnedDefinition, Owner
from snowmelt.definitions.enums import AccessMode
from snowmelt.definitions.names import Name, Text
from snowmelt.definitions.reading import AttributeReader


class Service(OwnedDefinition):
    """A stable name under which an application reads the attributes of some group versions.

    Group objects may be given; a service keeps their names and versions only.

    >>> from snowmelt.definitions import AttributeGroup, user_id
    >>> group = AttributeGroup(name="shop", version=2, attribute_key=user_id, owner="data@example.com")
    >>> Service(name="storefront", attribute_groups=[group], owner="data@example.com").attribute_groups
    [VersionedLinkAttributeGroup(name='shop', version=2)]
    """

    name: Name = Field(description="Name of the service.")
    description: Text | None = Field(default=None, description="What it is for, for people.")
    attribute_groups: list[VersionedLinkAttributeGroup] = Field(
        default_factory=list, min_length=1, max_length=100, description="The group versions."
    )
    owner: Owner = Field(default=None, validate_default=True, description="E-mail address of whoever answers for it.")
    is_published: bool = Field(default=False, description="Whether it can be read.")
    access_mode: AccessMode = Field(
        default="authenticated",
        description="`public` lets anybody read it without a token, one identifier that is a UUID at a time.",
    )

    def get_attributes(self, signals: AttributeReader, attribute_key: str, identifier: str) -> dict[str, Any]:
        """All attributes of one profile.

        Args:
            signals: the client to read through.
            attribute_key: name of the key, e.g. ``domain_userid``; groups of other keys give nulls.
            identifier: its value.
        """
        return signals.get_service_attributes(name=self.name, attribute_key=attribute_key, identifier=identifier)
