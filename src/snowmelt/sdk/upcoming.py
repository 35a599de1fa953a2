"""The part of the public surface that is not built yet: signatures that raise `NotYetAvailableError`.

Mixins and sub-clients serve the synchronous and the asynchronous client alike, because they raise
before there is anything to wait for.
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from snowmelt.definitions import (
    AttributeGroup,
    AttributesWarehouseTable,
    Criteria,
    DatasetBundle,
    DatasetEvent,
    DatasetPreviewResponse,
    DatasetRunResponse,
    DatasetRunStatusResponse,
    SessionAnchors,
    TrainingSpan,
    UserSuppliedAnchors,
    WarehouseTable,
)
from snowmelt.definitions.wire import AttributeGroupResponse
from snowmelt.sdk.not_yet import not_yet

Groups = Sequence[AttributeGroup | AttributeGroupResponse]
Anchors = SessionAnchors | UserSuppliedAnchors


class DatasetClient:
    """Training sets; not available yet."""

    def build_sql(
        self,
        attribute_groups: Groups,
        anchors: Anchors,
        attributes_database: str | None = None,
        attributes_schema: str | None = None,
        attributes_table_prefix: str | None = None,
        dataset: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetBundle:
        """The statements that build a training set."""
        raise not_yet("Signals.datasets.build_sql")

    def save_dataset_bundle(self, bundle: DatasetBundle, path: str | Path) -> None:
        """Write the statements into a folder."""
        raise not_yet("Signals.datasets.save_dataset_bundle")

    def submit_run(
        self,
        attribute_groups: Groups,
        anchors: Anchors,
        attributes_database: str | None = None,
        attributes_schema: str | None = None,
        attributes_table_prefix: str | None = None,
        dataset: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetRunResponse:
        """Have the server build a training set."""
        raise not_yet("Signals.datasets.submit_run")

    def get_run_status(self, run_id: UUID) -> DatasetRunStatusResponse:
        """How far a run is."""
        raise not_yet("Signals.datasets.get_run_status")

    def get_run_preview(self, run_id: UUID, limit: int = 100) -> DatasetPreviewResponse:
        """The first rows of what a run has built."""
        raise not_yet("Signals.datasets.get_run_preview")

    def cancel_run(self, run_id: UUID) -> None:
        """Stop a run."""
        raise not_yet("Signals.datasets.cancel_run")


class UpcomingCalls:
    """The methods of a client that are not available yet."""

    datasets: DatasetClient

    def __init__(self) -> None:
        self.datasets = DatasetClient()

    def build_dataset_with_session_anchors(
        self,
        attribute_groups: Groups,
        goal_criteria: Criteria,
        training_span: TrainingSpan,
        excluded_events: Sequence[DatasetEvent] | None = None,
        min_events: int | None = None,
        max_anchors_per_session: int | None = None,
        max_negative_ratio: float | None = None,
        anchors_table: WarehouseTable | None = None,
        attributes_table: AttributesWarehouseTable | None = None,
        dataset_table: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetBundle:
        """The statements for a training set with rows at goal events and sampled others."""
        raise not_yet("Signals.build_dataset_with_session_anchors")

    def build_dataset_with_custom_anchors(
        self,
        attribute_groups: Groups,
        anchors_table: WarehouseTable,
        attributes_table: AttributesWarehouseTable | None = None,
        dataset_table: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetBundle:
        """The statements for a training set with rows at instants of your own."""
        raise not_yet("Signals.build_dataset_with_custom_anchors")

    def submit_dataset_run_with_session_anchors(
        self,
        attribute_groups: Groups,
        goal_criteria: Criteria,
        training_span: TrainingSpan,
        excluded_events: Sequence[DatasetEvent] | None = None,
        min_events: int | None = None,
        max_anchors_per_session: int | None = None,
        max_negative_ratio: float | None = None,
        anchors_table: WarehouseTable | None = None,
        attributes_table: AttributesWarehouseTable | None = None,
        dataset_table: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetRunResponse:
        """Have the server build a training set with rows at goal events and sampled others."""
        raise not_yet("Signals.submit_dataset_run_with_session_anchors")

    def submit_dataset_run_with_custom_anchors(
        self,
        attribute_groups: Groups,
        anchors_table: WarehouseTable,
        attributes_table: AttributesWarehouseTable | None = None,
        dataset_table: WarehouseTable | None = None,
        max_lookback_days: int | None = None,
    ) -> DatasetRunResponse:
        """Have the server build a training set with rows at instants of your own."""
        raise not_yet("Signals.submit_dataset_run_with_custom_anchors")

    def get_dataset_run_status(self, run_id: UUID) -> DatasetRunStatusResponse:
        """How far a run is."""
        raise not_yet("Signals.get_dataset_run_status")

    def get_dataset_run_preview(self, run_id: UUID, limit: int = 100) -> DatasetPreviewResponse:
        """The first rows of what a run has built."""
        raise not_yet("Signals.get_dataset_run_preview")

    def cancel_dataset_run(self, run_id: UUID) -> None:
        """Stop a run."""
        raise not_yet("Signals.cancel_dataset_run")
