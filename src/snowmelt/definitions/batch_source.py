"""Warehouse tables that feed attribute groups."""

from typing import Annotated

from pydantic import AliasChoices, Field, StringConstraints

from snowmelt.definitions.base import Definition
from snowmelt.definitions.names import ColumnName, DatabaseName, Name, Text, Text255


class BatchSource(Definition):
    """A warehouse table that a batch group reads.

    The schema of the table is called ``schema_`` here and ``schema`` on the wire; ``wh_schema`` is read too.

    >>> BatchSource(name="crm", database="DB", schema="ML", table="CRM", timestamp_field="TS").schema_
    'ML'
    """

    name: Name = Field(description="Name of the source.")
    timestamp_field: ColumnName = Field(description="Column that tells when a row was written.")
    description: Text | None = Field(default=None, description="What the table holds, for people.")
    owner: Text255 | None = Field(default=None, description="Who answers for it.")
    database: Annotated[DatabaseName, StringConstraints(min_length=1)] = Field(description="Database of the table.")
    schema_: Annotated[ColumnName, StringConstraints(min_length=1)] = Field(
        validation_alias=AliasChoices("schema", "schema_", "wh_schema"),
        serialization_alias="schema",
        description="Schema of the table.",
    )
    table: Annotated[ColumnName, StringConstraints(min_length=1)] = Field(description="The table.")
