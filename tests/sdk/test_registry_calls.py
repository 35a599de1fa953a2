"""The exact requests of writing and reading definitions, over both clients."""

from typing import Any

import httpx
import pytest

from snowmelt.definitions import (
    Attribute,
    AttributeKey,
    Event,
    ExternalBatchAttributeGroup,
    Service,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.sdk.errors import (
    SignalsAPIError,
    SignalsConfigError,
    SignalsConflictError,
    SignalsNotFoundError,
    SignalsResponseError,
)

KEY = AttributeKey(name="cart_id", key="user_id")
GROUP = StreamAttributeGroup(
    name="shop",
    version=2,
    attribute_key=domain_userid,
    attributes=[Attribute(name="views", type="int32", aggregation="counter", events=[Event(name="page_view")])],
    owner="data@example.com",
)
SERVICE = Service(name="storefront", attribute_groups=[GROUP], owner="data@example.com")
REGISTRY = "/api/v1/registry"


def test_publish_writes_keys_then_groups_then_services(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo)
    published = talk(server, lambda signals: signals.publish([SERVICE, GROUP, KEY]))
    assert server.lines == [
        f"POST {REGISTRY}/attribute_keys/",
        f"POST {REGISTRY}/attribute_groups/",
        f"POST {REGISTRY}/services/",
    ]
    assert all(one.body["is_published"] is True for one in server.asked)
    assert all(one.headers["authorization"] == "Bearer sandbox-token" for one in server.asked)
    assert [type(one) for one in published] == [AttributeKey, StreamAttributeGroup, Service]
    assert all(one.is_published for one in published)
    assert not GROUP.is_published


def test_the_body_is_the_whole_definition_without_nulls(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo)
    talk(server, lambda signals: signals.publish([GROUP, SERVICE]))
    group, service = (one.body for one in server.asked)
    assert group["attribute_key"]["name"] == "domain_userid"
    assert group["attributes"] == [
        {"name": "views", "type": "int32", "aggregation": "counter", "events": [{"name": "page_view"}]}
    ]
    assert None not in group.values()
    assert service["attribute_groups"] == [{"name": "shop", "version": 2}]


def test_what_exists_is_replaced(talk: Any, script: Any, echo: Any) -> None:
    server = script(400, echo, 400, echo, 400, echo)
    talk(server, lambda signals: signals.publish([KEY, GROUP, SERVICE]))
    assert server.lines[1::2] == [
        f"PUT {REGISTRY}/attribute_keys/cart_id",
        f"PUT {REGISTRY}/attribute_groups/shop/versions/2",
        f"PUT {REGISTRY}/services/storefront",
    ]
    assert [one.body for one in server.asked[0::2]] == [one.body for one in server.asked[1::2]]


@pytest.mark.parametrize("status", [401, 404, 409, 422, 500])
def test_only_a_400_makes_a_replacement(talk: Any, script: Any, status: int) -> None:
    server = script(status)
    with pytest.raises(SignalsAPIError) as caught:
        talk(server, lambda signals: signals.publish([GROUP]))
    assert caught.value.status_code == status
    assert server.lines == [f"POST {REGISTRY}/attribute_groups/"]


def test_a_failure_says_which_definition_and_what_was_written_before(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo, 400, httpx.Response(409, json={"detail": "published; version 3 is free"}))
    with pytest.raises(SignalsConflictError, match="version 3 is free") as caught:
        talk(server, lambda signals: signals.publish([KEY, GROUP, SERVICE]))
    assert caught.value.__notes__ == [
        "while writing StreamAttributeGroup shop version 2",
        "written before it: AttributeKey cart_id",
    ]
    assert len(server.asked) == 3


def test_unpublish_writes_the_same_with_the_other_state(talk: Any, script: Any, echo: Any) -> None:
    server = script(400, echo)
    (group,) = talk(server, lambda signals: signals.unpublish([GROUP.model_copy(update={"is_published": True})]))
    assert not group.is_published
    assert [one.body["is_published"] for one in server.asked] == [False, False]


def test_create_or_update_keeps_the_state_of_each_definition(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo)
    published = GROUP.model_copy(update={"is_published": True})
    talk(server, lambda signals: signals.registry.create_or_update([published, SERVICE]))
    assert [one.body["is_published"] for one in server.asked] == [True, False]


def test_delete_goes_backwards(talk: Any, script: Any) -> None:
    server = script({"ok": True})
    assert talk(server, lambda signals: signals.delete([KEY, GROUP, SERVICE])) is None
    assert server.lines == [
        f"DELETE {REGISTRY}/services/storefront",
        f"DELETE {REGISTRY}/attribute_groups/shop/versions/2",
        f"DELETE {REGISTRY}/attribute_keys/cart_id",
    ]
    assert {one.body for one in server.asked} == {None}


def test_delete_takes_an_empty_answer(talk: Any, script: Any) -> None:
    assert talk(script(httpx.Response(204)), lambda signals: signals.delete([KEY])) is None


def test_a_group_of_a_table_is_a_group(talk: Any, script: Any, echo: Any) -> None:
    group = ExternalBatchAttributeGroup(
        name="customers",
        attribute_key=AttributeKey(external_column="CUSTOMER_ID"),
        fields=[{"name": "TIER", "type": "string"}],
        batch_source={
            "name": "crm", "database": "DB", "schema": "CRM", "table": "T", "timestamp_field": "UPDATED"
        },
        owner="data@example.com",
    )  # fmt: skip
    server = script(echo)
    assert [type(one) for one in talk(server, lambda signals: signals.publish([group]))] == [type(group)]
    assert server.asked[0].body["batch_source"]["schema"] == "CRM"


def test_nothing_is_asked_for_nothing(talk: Any, script: Any) -> None:
    server = script(500)
    assert talk(server, lambda signals: signals.publish([])) == []
    assert server.asked == []


def test_nothing_is_written_when_one_object_cannot_be(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo)
    for call in ("publish", "unpublish", "delete"):
        with pytest.raises(SignalsConfigError, match=rf"{call}\(\) takes .* one item is a str"):
            talk(server, lambda signals, call=call: getattr(signals, call)([GROUP, "shop"]))
    assert server.asked == []


def group_answer(**changes: Any) -> dict[str, Any]:
    """What the registry says about a group."""
    key = {"name": "domain_userid", "key": "domain_userid", "blobl_path": "domain_userid"}
    return {
        **GROUP.to_wire(),
        "attribute_key": key,
        "full_name": "shop_v2",
        "feast_name": "shop_v2",
        "stream_source_name": "shop_stream",
        "attribute_key_or_name": "domain_userid",
        "attribute_group_or_attribute_key_ttl": None,
        "fields": None,
        "batch_source": None,
        "is_published": True,
        **changes,
    }


def test_a_group_is_read_by_name_or_by_version(talk: Any, script: Any) -> None:
    server = script(group_answer())
    group = talk(server, lambda signals: signals.get_attribute_group("shop"))
    talk(server, lambda signals: signals.get_attribute_group("shop", 2))
    talk(server, lambda signals: signals.registry.get_attribute_group("shop", version=2))
    assert server.lines == [
        f"GET {REGISTRY}/attribute_groups/shop",
        f"GET {REGISTRY}/attribute_groups/shop/versions/2",
        f"GET {REGISTRY}/attribute_groups/shop/versions/2",
    ]
    assert (group.name, group.version, group.full_name, group.is_published) == ("shop", 2, "shop_v2", True)


def test_services_and_keys_are_read_and_everything_is_listed(talk: Any, script: Any) -> None:
    key = {"name": "cart_id", "key": "user_id", "blobl_path": None, "news": "ignored"}
    server = script(SERVICE.to_wire(), key, [SERVICE.to_wire()], [key], [group_answer(), group_answer(version=3)])
    assert talk(server, lambda signals: signals.registry.get_service("storefront")) == SERVICE
    assert talk(server, lambda signals: signals.registry.get_attribute_key("cart_id")).key == "user_id"
    assert talk(server, lambda signals: signals.registry.list_services()) == [SERVICE]
    assert [k.name for k in talk(server, lambda signals: signals.registry.list_attribute_keys())] == ["cart_id"]
    groups = talk(server, lambda signals: signals.registry.list_attribute_groups())
    assert [group.version for group in groups] == [2, 3]
    assert server.lines == [
        f"GET {REGISTRY}/services/storefront",
        f"GET {REGISTRY}/attribute_keys/cart_id",
        f"GET {REGISTRY}/services/",
        f"GET {REGISTRY}/attribute_keys/",
        f"GET {REGISTRY}/attribute_groups/",
    ]


def test_a_name_cannot_leave_its_path(talk: Any, script: Any) -> None:
    server = script(404)
    with pytest.raises(SignalsNotFoundError):
        talk(server, lambda signals: signals.registry.get_service("../keys?x=1"))
    assert server.lines == [f"GET {REGISTRY}/services/..%2Fkeys%3Fx%3D1"]


@pytest.mark.parametrize("body", [[], {"name": "x"}, "text", None])
def test_an_answer_of_another_shape_is_named(talk: Any, script: Any, body: Any) -> None:
    with pytest.raises(SignalsResponseError, match="Does api_url point at"):
        talk(script(httpx.Response(200, json=body)), lambda signals: signals.get_attribute_group("shop"))


def test_a_list_that_is_none_is_named(talk: Any, script: Any) -> None:
    with pytest.raises(SignalsResponseError, match="expected a list"):
        talk(script({"services": []}), lambda signals: signals.registry.list_services())


@pytest.mark.parametrize("definition", [GROUP, {"name": "no group at all"}])
def test_a_plan_asks_once_and_sends_what_it_is_given(talk: Any, script: Any, definition: Any) -> None:
    answer = {"change": "new_group", "text": "Publishing registers it.", "name": "shop", "version": 2, "problems": []}
    server = script(lambda request: httpx.Response(200, json=answer))
    plan = talk(server, lambda signals: signals.registry.plan_attribute_group(definition))
    assert server.lines == [f"POST {REGISTRY}/attribute_group_plans"]
    assert server.asked[0].body == (definition if isinstance(definition, dict) else definition.to_wire())
    assert (plan.change, plan.version) == ("new_group", 2)
