"""Whose attributes are asked for."""

from typing import Annotated

from pydantic import Field, RootModel

from snowmelt.definitions.names import PreviewIdentifier

Identifiers = Annotated[dict[str, list[str]], Field(min_length=1, max_length=100)]
"""Names of attribute keys, each with values of it."""


class AttributeKeyIdentifiers(RootModel[Identifiers | None]):
    """Profiles, named by attribute keys and their values.

    >>> AttributeKeyIdentifiers({"domain_userid": ["5de568e2-2b3c-41e1-a207-b2093896d274"]}).root
    {'domain_userid': ['5de568e2-2b3c-41e1-a207-b2093896d274']}
    """

    root: Identifiers | None = None


class AttributeKeyId(RootModel[PreviewIdentifier]):
    """One value of an attribute key, to be looked at in a preview: a word or an e-mail address."""
