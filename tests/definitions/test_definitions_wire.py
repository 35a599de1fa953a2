"""What travels: the JSON of definitions, and the answers of a registry."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from snowmelt.definitions import (
    Attribute,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    Criteria,
    Criterion,
    EntityProperty,
    Event,
    EventProperty,
    Service,
    StreamAttributeGroup,
    domain_userid,
    read_group,
    wire,
)

VENDOR = "com.snowplowanalytics.snowplow.ecommerce"
ACTION = EventProperty(vendor=VENDOR, name="snowplow_ecommerce_action", major_version=1, path="type")


def count(name: str, action: str) -> Attribute:
    return Attribute(
        name=name,
        type="int32",
        aggregation="counter",
        events=[Event(name="snowplow_ecommerce_action")],
        criteria=Criteria(all=[Criterion.eq(property=ACTION, value=action)]),
    )


TUTORIAL = StreamAttributeGroup(
    name="ecom_attributes",
    version=1,
    attribute_key=domain_userid,
    attributes=[
        count("count_product_views", "product_view"),
        Attribute(
            name="last_product_price",
            type="double",
            aggregation="last",
            events=[Event(name="snowplow_ecommerce_action")],
            property=EntityProperty(vendor=VENDOR, name="product", major_version=1, path="price"),
            default_value=0.5,
            period="P1Y",
        ),
    ],
    owner="user@company.com",
)


def test_the_tutorials_group() -> None:
    sent = TUTORIAL.model_copy(update={"is_published": True}).to_wire()
    assert sent == {
        "name": "ecom_attributes",
        "version": 1,
        "attribute_key": {
            "name": "domain_userid",
            "key": "domain_userid",
            "description": domain_userid.description,
            "is_published": False,
        },
        "online": True,
        "offline": False,
        "owner": "user@company.com",
        "attributes": [
            {
                "name": "count_product_views",
                "type": "int32",
                "events": [{"name": "snowplow_ecommerce_action"}],
                "aggregation": "counter",
                "criteria": {
                    "all": [
                        {
                            "property": {
                                "type": "event",
                                "vendor": VENDOR,
                                "name": "snowplow_ecommerce_action",
                                "major_version": 1,
                                "path": "type",
                            },
                            "operator": "=",
                            "value": "product_view",
                        }
                    ]
                },
            },
            {
                "name": "last_product_price",
                "type": "double",
                "events": [{"name": "snowplow_ecommerce_action"}],
                "aggregation": "last",
                "property": {
                    "type": "entity",
                    "vendor": VENDOR,
                    "name": "product",
                    "major_version": 1,
                    "path": "price",
                    "index": 0,
                },
                "period": "P365D",
                "default_value": 0.5,
            },
        ],
        "is_published": True,
    }
    assert read_group(sent) == TUTORIAL.model_copy(update={"is_published": True})


def test_the_tutorials_service() -> None:
    service = Service(name="ecom_attributes", attribute_groups=[TUTORIAL], owner="user@company.com")
    assert service.to_wire() == {
        "name": "ecom_attributes",
        "attribute_groups": [{"name": "ecom_attributes", "version": 1}],
        "owner": "user@company.com",
        "is_published": False,
        "access_mode": "authenticated",
    }


def test_a_service_is_read_with_a_token_unless_it_says_public() -> None:
    body = {"name": "shop", "attribute_groups": [{"name": "shop"}]}
    assert Service.model_validate(body).access_mode == "authenticated"
    assert Service.model_validate(body | {"access_mode": None}).access_mode == "authenticated"
    assert Service.model_validate(body | {"access_mode": "public"}).to_wire()["access_mode"] == "public"
    with pytest.raises(ValidationError, match="access_mode"):
        Service.model_validate(body | {"access_mode": "open"})


def test_empty_lists_are_sent() -> None:
    assert Attribute(name="a", type="int32", aggregation="counter").to_wire()["events"] == []


def test_dumping_by_alias_is_the_wire() -> None:
    source = BatchSource(name="crm", database="D", schema="S", table="T", timestamp_field="TS")
    assert source.model_dump(mode="json", exclude_none=True, by_alias=True) == source.to_wire()


def test_group_answers_say_what_clients_need() -> None:
    key = AttributeKey(name="user", key="domain_userid", ttl="P30D")
    group = TUTORIAL.model_copy(update={"attribute_key": key})
    answer = wire.group_response(group, created_at=datetime(2026, 1, 1, tzinfo=UTC)).to_wire()
    expected = {
        "full_name": "ecom_attributes_v1",
        "feast_name": "ecom_attributes_v1",
        "stream_source_name": "ecom_attributes_stream",
        "attribute_key_or_name": "domain_userid",
        "attribute_group_or_attribute_key_ttl": "P30D",
        "batch_source": None,
        "fields": None,
        "created_at": "2026-01-01T00:00:00Z",
    }
    assert answer == answer | expected
    assert answer["attribute_key"]["blobl_path"] == "domain_userid"
    read = wire.AttributeGroupResponse.model_validate(answer)
    assert read.attributes is not None
    assert read.attributes[0].to_wire() == TUTORIAL.attributes[0].to_wire()
    assert read.attributes[1].property == TUTORIAL.attributes[1].property
    assert StreamAttributeGroup.model_validate(answer) == group


def test_group_answers_have_a_list_of_attributes_in_any_case() -> None:
    external = read_group(
        {
            "name": "crm",
            "attribute_key": {"external_column": "customer"},
            "offline": True,
            "fields": [{"name": "f", "type": "string"}],
            "batch_source": {
                "name": "n",
                "database": "D",
                "schema": "S",
                "table": "T",
                "timestamp_field": "TS",
            },
            "ttl": "P1D",
        }
    )
    answer = wire.group_response(external).to_wire()
    assert answer["attributes"] == []
    assert answer["batch_source"]["schema"] == "S"
    # These are required members of what clients read, even when they are null.
    assert answer["stream_source_name"] is None
    assert answer["attribute_key"]["blobl_path"] is None
    assert answer["attribute_group_or_attribute_key_ttl"] == "P1D"


def test_properties_rendered_as_text_can_be_read() -> None:
    answer = wire.group_response(TUTORIAL).to_wire()
    answer["attributes"][1]["property"] = "contexts_product_1[0]:price"
    answer["attributes"][0]["criteria"]["all"][0]["property"] = {"path": ["type"]}
    read = wire.AttributeGroupResponse.model_validate(answer)
    assert read.attributes is not None
    assert read.attributes[1].property == "contexts_product_1[0]:price"
    assert read.attributes[0].to_wire()["criteria"]["all"][0]["property"] == {"path": ["type"]}


LEAF = {"vendor": "com.acme-shop.Web", "name": "loyaltyCard", "major_version": 2, "path": "$.a[0].b"}


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ({"name": "user_id"}, "user_id"),
        ({"name": "user", "key": "domain_userid"}, "domain_userid"),
        ({"name": "basket"}, None),
        ({"external_column": "customer"}, None),
        ({"property": {"type": "event", **LEAF}}, "unstruct_event_com_acme_shop_web_loyalty_card_2.a[0].b"),
        ({"property": {"type": "entity", **LEAF}}, "contexts_com_acme_shop_web_loyalty_card_2.0.a[0].b"),
    ],
)
def test_paths_of_keys(key: dict[str, Any], path: str | None) -> None:
    answer = wire.key_output(AttributeKey.model_validate(key)).to_wire()
    assert answer["blobl_path"] == path
    assert wire.AttributeKeyOutput.model_validate(answer).name == answer["name"]


def refuses(model: type[BaseModel], body: dict[str, Any]) -> list[tuple[Any, ...]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [error["loc"] for error in caught.value.errors()]


def test_read_requests() -> None:
    by_service = wire.GetServiceAttributesRequest.model_validate(
        {"service": "shop", "attribute_keys": {"user_id": ["ann"]}}
    )
    assert by_service.full_attribute_names is False
    keys = {"user_id": ["ann"]}
    request = wire.GetAttributeGroupAttributesRequest
    assert request.model_validate({"attributes": ["shop_v1:a"], "attribute_keys": keys}).attributes == ["shop_v1:a"]
    assert refuses(request, {"attributes": ["shop:a"], "attribute_keys": keys}) == [("attributes", 0)]
    assert refuses(request, {"attributes": ["shop_v1:a"], "attribute_keys": {}}) == [("attribute_keys",)]
    assert refuses(request, {"attributes": [], "attribute_keys": {"user_id": [3]}}) == [
        ("attribute_keys", "user_id", 0)
    ]
    too_many = {f"k{number}": ["x"] for number in range(101)}
    assert refuses(request, {"attributes": [], "attribute_keys": too_many}) == [("attribute_keys",)]


def test_preview_requests() -> None:
    request = wire.TestAttributeGroupRequest.model_validate({"attribute_group": TUTORIAL.to_wire(), "app_ids": None})
    assert request.to_wire()["window"] == "PT1H"
    assert request.attribute_key_ids == []
    source = {"name": "n", "database": "D", "schema_": "S", "table": "T", "timestamp_field": "TS"}
    spelled = TUTORIAL.to_wire() | {"batch_source": source, "offline": True}
    read = wire.TestAttributeGroupRequest.model_validate({"attribute_group": spelled})
    assert read.attribute_group.batch_source is not None
    assert read.attribute_group.batch_source.schema_ == "S"
    body = {
        "attribute_group": TUTORIAL.to_wire(),
        "app_ids": ["a"] * 11,
        "attribute_key_ids": ["a b", "a@b.co"],
    }
    assert refuses(wire.TestAttributeGroupRequest, body) == [("app_ids",), ("attribute_key_ids", 0)]


def test_publishing_by_reference() -> None:
    request = wire.PublishRequest.model_validate({"event_logs": [{"name": "recent"}], "services": None})
    assert not request.is_empty()
    assert wire.PublishRequest().is_empty()
    assert refuses(wire.UnpublishRequest, {"attribute_groups": [{"name": "shop"}]}) == [
        ("attribute_groups", 0, "version")
    ]
    assert wire.PublishResponse(status="nothing to publish").to_wire() == {"status": "nothing to publish"}


def test_published_metadata_round_trips() -> None:
    attribute = {
        "definition_hash": "9f2c",
        "attribute_key_name": "domain_userid",
        "attribute_key_or_name": "domain_userid",
        "attribute_key": {"name": "domain_userid", "key": "domain_userid", "blobl_path": "domain_userid"},
        "type": "double",
        "aggregation": "sum",
        "events": [{"name": "snowplow_ecommerce_action"}],
        "property": {
            "type": "calculated",
            "operation": "sum",
            "properties": [{"type": "leaf", "blobl_path": "se_value"}],
        },
        "criteria": {"all": []},
        "period": "PT15M",
        "ttl": 604800,
        "source_groups": [{"name": "shop", "version": 1, "attribute_name": "cart_value"}],
    }
    body = {"published_at": "2026-09-11T10:00:00Z", "attributes": [attribute]}
    assert wire.PublishedStreamAttributes.model_validate(body).to_wire() == body


def test_validation_answers_are_lists_of_places() -> None:
    body = {"detail": [{"loc": ["body", "attributes", 0], "msg": "m", "type": "t"}]}
    assert wire.HTTPValidationError.model_validate(body).to_wire() == body
    assert wire.ErrorResponse(error="no").to_wire() == {"error": "no"}
    assert TypeAdapter(wire.ReadAnswer).validate_python({"a": [None]}) == {"a": [None]}


def test_answers_of_warehouses() -> None:
    status = wire.BatchSyncStatusResponse.model_validate(
        {
            "status": "failed",
            "errors": [
                {
                    "interval_start": "2026-01-01T00:00:00Z",
                    "interval_end": "2026-01-02T00:00:00Z",
                    "message": "no such table",
                }
            ],
            "sync_progress": {"days_synced": 1, "days_failed": 1, "days_total": 2},
            "records_synced": 0,
        }
    )
    assert status.to_wire()["records_synced"] == 0
    assert wire.BatchSyncStatusResponse(status="running").to_wire() == {"status": "running", "errors": []}
    columns = {"columns": [{"column_name": "C", "data_type": "timestamp", "allowed_types": ["timestamp"]}]}
    assert wire.GetColumnsResponse.model_validate(columns).to_wire() == columns
    assert refuses(wire.GetColumnsResponse, {"columns": [{"column_name": "C", "data_type": "date"}]}) == [
        ("columns", 0, "data_type")
    ]


def test_base_groups_stay_readable() -> None:
    assert AttributeGroup.model_validate(TUTORIAL.to_wire()).to_wire() == TUTORIAL.to_wire()
