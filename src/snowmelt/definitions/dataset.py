"""Training sets: past attribute values at chosen moments, with or without a label."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias
from uuid import UUID

from pydantic import AliasChoices, Field, PositiveInt, PrivateAttr, field_validator

from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.base import Definition
from snowmelt.definitions.criteria import Criteria
from snowmelt.definitions.event import Event
from snowmelt.definitions.names import ColumnName, DatabaseName, Instant, SchemaName
from snowmelt.definitions.wire.registry import AttributeKeyOutput
from snowmelt.errors import SnowmeltError

if TYPE_CHECKING:
    # Optional at run time: only `to_pandas` needs it.
    from pandas import DataFrame  # type: ignore[import-not-found, import-untyped, unused-ignore]

SCHEMA_ALIASES = AliasChoices("schema", "schema_")


class WarehouseTable(Definition):
    """A table to write or read; what is left out is the server's output location.

    >>> WarehouseTable(schema="ML", table="train_q1").to_wire()
    {'schema': 'ML', 'table': 'train_q1'}
    """

    database: DatabaseName | None = Field(default=None, description="Database of the table.")
    schema_: ColumnName | None = Field(
        default=None,
        validation_alias=SCHEMA_ALIASES,
        serialization_alias="schema",
        description="Schema of the table.",
    )
    table: ColumnName = Field(description="The table.")


class AttributesWarehouseTable(Definition):
    """Where the tables of attribute values go, one for each attribute key."""

    database: str | None = Field(default=None, description="Database of the tables.")
    schema_: str | None = Field(
        default=None,
        validation_alias=SCHEMA_ALIASES,
        serialization_alias="schema",
        description="Schema of the tables.",
    )
    table_prefix: str | None = Field(default=None, description="The name of the key is put behind it.")


class TrainingSpan(Definition):
    """The time from which anchors are taken."""

    start_time: Instant = Field(description="First instant.")
    end_time: Instant = Field(description="End of the time.")


class DatasetEvent(Definition):
    """A kind of event, by its name only."""

    name: SchemaName = Field(description="Name of the event.")


class SessionAnchors(Definition):
    """Anchors found in sessions: label 1 at the goal event, label 0 at random events of sessions without one.

    >>> span = TrainingSpan(start_time="2026-01-01", end_time="2026-04-01T00:00:00Z")
    >>> SessionAnchors(goal_criteria=Criteria(all=[]), training_span=span).to_wire()["excluded_events"]
    [{'name': 'page_ping'}]
    """

    mode: Literal["session"] = "session"
    goal_criteria: Criteria = Field(description="What makes an event the goal.")
    training_span: TrainingSpan = Field(description="When.")
    output: WarehouseTable | None = Field(default=None, description="Where the anchors go.")
    excluded_events: list[DatasetEvent] = Field(
        default_factory=lambda: [DatasetEvent(name="page_ping")], description="Events that are never anchors."
    )
    min_events: int = Field(default=1, ge=0, description="Events that a session must have before the anchor.")
    max_anchors_per_session: PositiveInt | None = Field(default=None, description="No limit if absent.")
    max_negative_ratio: float = Field(default=5.0, gt=0, description="Most negatives for each positive.")

    @field_validator("excluded_events", mode="before")
    @classmethod
    def _names_of_events(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"name": item.name} if isinstance(item, Event) else item for item in value]
        return value


class UserSuppliedAnchors(Definition):
    """Anchors from a table of one's own: the key column, ``anchor_ts`` and, if it has one, ``label``."""

    mode: Literal["user_supplied"] = "user_supplied"
    source: WarehouseTable = Field(description="The table.")
    has_label: bool = Field(default=True, description="Whether it has a `label` column.")


Anchors: TypeAlias = Annotated[SessionAnchors | UserSuppliedAnchors, Field(discriminator="mode")]
"""The moments at which attributes are computed."""


class DatasetAttributeGroups(Definition):
    """The attributes of a training set, and where their values go."""

    attribute_groups: list[AttributeGroup] = Field(min_length=1, description="The whole definitions.")
    database: DatabaseName | None = Field(default=None, description="Database of the tables.")
    schema_: ColumnName | None = Field(
        default=None,
        validation_alias=SCHEMA_ALIASES,
        serialization_alias="schema",
        description="Schema of the tables.",
    )
    table_prefix: ColumnName = Field(default="signals_attributes", description="The name of the key is put behind it.")


class DatasetBundleRequest(Definition):
    """What to build a training set from."""

    anchors: Anchors = Field(description="The moments.")
    attributes: DatasetAttributeGroups = Field(description="What is computed at each.")
    dataset: WarehouseTable | None = Field(default=None, description="Where the result goes.")
    max_lookback_days: PositiveInt | None = Field(
        default=None, description="How far back events count; the longest period if absent."
    )


class DatasetSqlFile(Definition):
    """A table and the statement that makes it; no statement if there is nothing to run."""

    database: str | None = Field(default=None, description="Database of the table.")
    schema_: str | None = Field(
        default=None,
        validation_alias=SCHEMA_ALIASES,
        serialization_alias="schema",
        description="Schema of the table.",
    )
    table: str = Field(description="The table.")
    sql: str | None = Field(default=None, description="The statement; it can be run again.")

    def to_wire(self) -> dict[str, Any]:
        """All members, absent ones as null: clients insist on each."""
        return self.model_dump(mode="json", by_alias=True)


class AttributeSqlFile(DatasetSqlFile):
    """The table of attribute values of one key."""

    attribute_key: AttributeKeyOutput = Field(description="The key.")


class DatasetBundleResponse(Definition):
    """The statements that build a training set, in the order in which they run."""

    anchors: DatasetSqlFile = Field(description="Makes the anchors.")
    attributes: list[AttributeSqlFile] = Field(description="Make the values, one for each attribute key.")
    dataset: DatasetSqlFile = Field(description="Joins them.")

    def to_wire(self) -> dict[str, Any]:
        """All members, absent ones as null: clients insist on each."""
        return self.model_dump(mode="json", by_alias=True)

    def in_order(self) -> Iterator[DatasetSqlFile]:
        """Anchors, then attributes, then the dataset."""
        yield self.anchors
        yield from self.attributes
        yield self.dataset


class BundleSaver(Protocol):
    """Writes a bundle to disk; the client of the SDK does."""

    def save_dataset_bundle(self, bundle: "DatasetBundle", path: str | Path) -> None:
        """Write the statements, and what is needed to run them, into a folder."""


class DetachedBundleError(SnowmeltError, RuntimeError):
    """A bundle that no client gave out cannot save itself."""

    code = "detached_bundle"


class DatasetBundle(Definition):
    """The statements that build a training set, together with the request that they answer.

    Args:
        request: what was asked for.
        response: what the server answered.
        dataset_client: writes the bundle to disk.
    """

    request: DatasetBundleRequest = Field(description="What was asked for.")
    response: DatasetBundleResponse = Field(description="What the server answered.")
    _dataset_client: BundleSaver | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        request: DatasetBundleRequest,
        response: DatasetBundleResponse,
        dataset_client: BundleSaver | None = None,
    ) -> None:
        super().__init__(request=request, response=response)
        self._dataset_client = dataset_client

    @property
    def files(self) -> dict[str, str]:
        """Names of files, each with its statement, in the order in which they run."""
        return {f"{file.table}.sql": file.sql for file in self.response.in_order() if file.sql is not None}

    def save_to(self, path: str | Path) -> None:
        """Write the statements into a folder.

        Raises:
            DetachedBundleError: the bundle was not built by a client.
        """
        if self._dataset_client is None:
            raise DetachedBundleError(
                "this bundle cannot save itself: use the one that `Signals.build_dataset_with_*` returns"
            )
        self._dataset_client.save_dataset_bundle(self, path)


class DatasetRunStatus(StrEnum):
    """How far a run is; one that was cancelled has failed."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"


class DatasetRunResponse(Definition):
    """A run that was accepted."""

    id: UUID = Field(description="Asks for the run from now on.")
    dataset: WarehouseTable = Field(description="Where the result goes.")
    created_at: datetime = Field(description="When it was accepted.")


class DatasetRunStatusResponse(Definition):
    """How far a run is."""

    id: UUID = Field(description="The run.")
    status: DatasetRunStatus = Field(description="How far it is.")
    dataset: WarehouseTable = Field(description="Where the result goes.")
    error: str | None = Field(default=None, description="Why it failed.")


class DatasetPreviewResponse(Definition):
    """The first rows of a training set.

    >>> DatasetPreviewResponse(columns=["label"], data=[[1], [0]], row_count=2).row_count
    2
    """

    columns: list[str] = Field(description="Names of the columns.")
    data: list[list[Any]] = Field(description="The rows.")
    row_count: int = Field(description="How many rows these are.")

    def to_pandas(self) -> "DataFrame":
        """The rows as a data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError as error:
            raise ImportError("`to_pandas` needs pandas: pip install pandas") from error
        return pandas.DataFrame(self.data, columns=self.columns)


class DatasetRunCancelResponse(Definition):
    """A run that was stopped."""

    id: UUID = Field(description="The run.")
    message: str = Field(description="What was done, in words.")
