"""Training sets: requests, answers, and the bundle of statements."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from snowmelt.definitions import (
    AttributesWarehouseTable,
    Criteria,
    Criterion,
    DatasetAttributeGroups,
    DatasetBundle,
    DatasetBundleRequest,
    DatasetBundleResponse,
    DatasetPreviewResponse,
    DatasetRunCancelResponse,
    DatasetRunResponse,
    DatasetRunStatus,
    DatasetRunStatusResponse,
    PageView,
    SessionAnchors,
    TrainingSpan,
    UserSuppliedAnchors,
    WarehouseTable,
    read_group,
)
from snowmelt.definitions.dataset import DetachedBundleError
from snowmelt.definitions.property import AtomicProperty
from snowmelt.definitions.wire import group_response

SOURCE = {"name": "n", "database": "D", "schema": "S", "table": "T", "timestamp_field": "TS"}
GROUP = read_group(
    {
        "name": "shop",
        "attribute_key": {"name": "user_id"},
        "offline": True,
        "attributes": [{"name": "views", "type": "int32", "aggregation": "counter"}],
        "batch_source": SOURCE,
    }
)
SPAN = TrainingSpan(start_time="2026-01-01", end_time="2026-04-01T00:00:00Z")
GOAL = Criteria(all=[Criterion.eq(AtomicProperty(name="event_name"), "purchase")])
RUN = "8c9104e3-c300-4b20-82f2-93b7fa0b8feb"


def request(**members: Any) -> DatasetBundleRequest:
    return DatasetBundleRequest(
        **{
            "anchors": SessionAnchors(goal_criteria=GOAL, training_span=SPAN),
            "attributes": DatasetAttributeGroups(attribute_groups=[GROUP]),
            **members,
        }
    )


def test_requests_on_the_wire() -> None:
    sent = request(dataset=WarehouseTable(schema_="ML", table="train"), max_lookback_days=30).to_wire()
    assert sent["anchors"] == {
        "mode": "session",
        "goal_criteria": GOAL.to_wire(),
        "training_span": {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-04-01T00:00:00Z"},
        "excluded_events": [{"name": "page_ping"}],
        "min_events": 1,
        "max_negative_ratio": 5.0,
    }
    assert sent["attributes"]["table_prefix"] == "signals_attributes"
    assert sent["attributes"]["attribute_groups"] == [GROUP.to_wire()]
    assert sent["dataset"] == {"schema": "ML", "table": "train"}
    assert DatasetBundleRequest.model_validate(sent) == request(
        dataset=WarehouseTable(schema="ML", table="train"),
        max_lookback_days=30,
        attributes={"attribute_groups": [GROUP.to_wire()]},
    )


def test_groups_that_the_registry_answered_with_can_be_sent() -> None:
    groups = DatasetAttributeGroups(attribute_groups=[group_response(GROUP)])
    assert groups.to_wire()["attribute_groups"] == [GROUP.to_wire()]


def test_anchors_are_told_apart_by_their_mode() -> None:
    supplied = request(anchors={"mode": "user_supplied", "source": {"table": "anchors"}})
    assert supplied.anchors == UserSuppliedAnchors(source=WarehouseTable(table="anchors"), has_label=True)
    with pytest.raises(ValidationError, match="mode"):
        request(anchors={"source": {"table": "anchors"}})


def test_excluded_events_may_be_events() -> None:
    anchors = SessionAnchors(goal_criteria=GOAL, training_span=SPAN, excluded_events=[PageView()])
    assert anchors.to_wire()["excluded_events"] == [{"name": "page_view"}]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("min_events", -1),
        ("max_anchors_per_session", 0),
        ("max_negative_ratio", 0),
        ("excluded_events", [{"name": ""}]),
    ],
)
def test_limits_of_session_anchors(member: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        SessionAnchors(goal_criteria=GOAL, training_span=SPAN, **{member: value})
    assert [error["loc"][0] for error in caught.value.errors()] == [member]


@pytest.mark.parametrize(
    "members",
    [{"table": "a-b"}, {"table": "a", "schema": "a-b"}, {"table": "a", "database": "a.b"}, {"schema": "a"}],
)
def test_tables_have_plain_names(members: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WarehouseTable(**members)


def test_where_attributes_go_is_optional() -> None:
    assert AttributesWarehouseTable(schema_="ML", table_prefix="a").to_wire() == {
        "schema": "ML",
        "table_prefix": "a",
    }


RESPONSE = {
    "anchors": {"database": "D", "schema": "S", "table": "anchors", "sql": None},
    "attributes": [
        {
            "database": None,
            "schema": None,
            "table": "attributes_user_id",
            "sql": "select 1",
            "attribute_key": {"name": "user_id", "blobl_path": None},
        }
    ],
    "dataset": {"database": None, "schema": None, "table": "train", "sql": "select 2"},
}


class Saver:
    def __init__(self) -> None:
        self.saved: list[tuple[DatasetBundle, str | Path]] = []

    def save_dataset_bundle(self, bundle: DatasetBundle, path: str | Path) -> None:
        self.saved.append((bundle, path))


def test_bundles_hold_the_statements_in_order() -> None:
    bundle = DatasetBundle(request=request(), response=DatasetBundleResponse.model_validate(RESPONSE))
    assert list(bundle.files.items()) == [("attributes_user_id.sql", "select 1"), ("train.sql", "select 2")]


def test_bundles_are_saved_by_their_client() -> None:
    saver, response = Saver(), DatasetBundleResponse.model_validate(RESPONSE)
    bundle = DatasetBundle(request=request(), response=response, dataset_client=saver)
    bundle.save_to("folder")
    assert saver.saved == [(bundle, "folder")]
    assert set(bundle.model_dump()) == {"request", "response"}
    with pytest.raises(DetachedBundleError, match="build_dataset_with"):
        DatasetBundle(request=request(), response=response).save_to("folder")


def test_answers_send_their_nulls() -> None:
    answer = DatasetBundleResponse.model_validate(RESPONSE).to_wire()
    assert answer["anchors"] == RESPONSE["anchors"]
    assert answer["attributes"][0]["attribute_key"]["blobl_path"] is None


def test_runs() -> None:
    started = DatasetRunResponse.model_validate(
        {"id": RUN, "dataset": {"table": "train"}, "created_at": "2026-01-01T00:00:00Z"}
    )
    assert started.id == UUID(RUN)
    status = DatasetRunStatusResponse.model_validate(
        {"id": RUN, "status": "failed", "dataset": {"table": "train"}, "error": "cancelled"}
    )
    assert status.status is DatasetRunStatus.FAILED
    assert status.status == "failed"
    assert [item.value for item in DatasetRunStatus] == ["pending", "success", "failed"]
    with pytest.raises(ValidationError):
        DatasetRunStatusResponse.model_validate({"id": RUN, "status": "cancelled", "dataset": {"table": "train"}})
    assert DatasetRunCancelResponse(id=RUN, message="stopped").to_wire() == {"id": RUN, "message": "stopped"}


def test_rows_become_a_data_frame_where_there_are_such(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    preview = DatasetPreviewResponse(columns=["a", "b"], data=[[1, None]], row_count=1)
    frame = SimpleNamespace(DataFrame=lambda data, columns: (data, columns))
    monkeypatch.setitem(sys.modules, "pandas", frame)
    assert preview.to_pandas() == ([[1, None]], ["a", "b"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas"):
        preview.to_pandas()
