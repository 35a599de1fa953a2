"""Answers about warehouses, and about what is stored of a person."""

from typing import Literal

from pydantic import Field

from snowmelt.definitions.base import Definition
from snowmelt.definitions.enums import AttributeType, ColumnDataType
from snowmelt.definitions.names import Instant


class BatchSyncError(Definition):
    """An interval that could not be read."""

    interval_start: Instant = Field(description="Start of the interval.")
    interval_end: Instant = Field(description="End of the interval.")
    message: str = Field(description="What went wrong.")


class BatchSyncProgress(Definition):
    """How many days were read."""

    days_synced: int = Field(description="Done.")
    days_failed: int = Field(description="Failed.")
    days_total: int = Field(description="Expected.")


class BatchSyncStatusResponse(Definition):
    """How far the table behind a group version was read."""

    status: Literal["running", "completed", "failed"] = Field(description="Failed as soon as one interval is.")
    errors: list[BatchSyncError] = Field(default_factory=list, description="Newest first.")
    streaming_since: Instant | None = Field(default=None, description="Events count from here on.")
    last_synced_at: Instant | None = Field(default=None, description="When an interval was last done.")
    sync_started_at: Instant | None = Field(default=None, description="Since when the oldest interval runs.")
    data_fresh_through: Instant | None = Field(default=None, description="Rows up to here were read.")
    source_table: str | None = Field(default=None, description="`database.schema.table`.")
    sync_progress: BatchSyncProgress | None = Field(default=None, description="In days.")
    records_synced: int | None = Field(default=None, description="Rows written; absent: unknown.")


class TableInformation(Definition):
    """A table of a warehouse."""

    name: str = Field(description="Its name.")


class GetTableInformationResponse(Definition):
    """The tables of a warehouse schema."""

    tables: list[TableInformation] = Field(description="The tables.")


class ColumnInformation(Definition):
    """A column of a warehouse table."""

    column_name: str = Field(description="Its name.")
    data_type: ColumnDataType | None = Field(default=None, description="What it holds.")
    allowed_types: list[AttributeType] | None = Field(default=None, description="Attribute types that fit.")


class GetColumnsResponse(Definition):
    """The columns of a warehouse table."""

    columns: list[ColumnInformation] = Field(description="The columns.")


class GetTimestampColumnsResponse(Definition):
    """The columns that can tell when a row was written."""

    timestamps: list[str] = Field(description="Their names.")


class DeleteUserDataResponse(Definition):
    """What was removed of a person."""

    keys_found: bool = Field(description="Whether there was anything.")
    message: str = Field(description="What was done, in words.")
