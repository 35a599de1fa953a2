"""The exact requests of reading attributes, over both clients."""

from typing import Any

import httpx
import pytest

from snowmelt.definitions import Attribute, Service, StreamAttributeGroup, domain_userid
from snowmelt.sdk.errors import SignalsNotFoundError, SignalsResponseError

READ = "POST /api/v1/get-online-attributes"


def test_a_service_is_read_for_one_identifier(talk: Any, script: Any) -> None:
    server = script({"cart_value": [250.5], "pages": [["/", "/cart"]], "empty": [], "unknown": [None]})
    values = talk(server, lambda signals: signals.get_service_attributes("shop", "domain_userid", "u1"))
    assert values == {"cart_value": 250.5, "pages": ["/", "/cart"], "empty": None, "unknown": None}
    assert server.lines == [READ]
    assert server.asked[0].body == {
        "service": "shop",
        "attribute_keys": {"domain_userid": ["u1"]},
        "full_attribute_names": False,
    }


@pytest.mark.parametrize(("attributes", "wire"), [("a", ["shop_v3:a"]), (["a", "b"], ["shop_v3:a", "shop_v3:b"])])
def test_a_group_is_read_by_qualified_names(talk: Any, script: Any, attributes: Any, wire: list[str]) -> None:
    server = script({"a": [1]})
    assert talk(server, lambda s: s.get_group_attributes("shop", 3, attributes, "user_id", "u1")) == {"a": 1}
    assert server.asked[0].body == {
        "attributes": wire,
        "attribute_keys": {"user_id": ["u1"]},
        "full_attribute_names": False,
    }


def test_the_sub_client_reads_the_same(talk: Any, script: Any) -> None:
    server = script({"a": [1]})
    talk(server, lambda s: s.attributes.get_service_attributes("shop", "user_id", "u1"))
    talk(server, lambda s: s.get_service_attributes("shop", "user_id", "u1"))
    talk(server, lambda s: s.attributes.get_group_attributes("shop", 1, "a", "user_id", "u1"))
    talk(server, lambda s: s.get_group_attributes("shop", 1, "a", "user_id", "u1"))
    bodies = [one.body for one in server.asked]
    assert bodies[0] == bodies[1]
    assert bodies[2] == bodies[3]


def test_definitions_read_through_the_client(talk: Any, script: Any) -> None:
    views = Attribute(name="views", type="int32", aggregation="counter")
    group = StreamAttributeGroup(
        name="shop", version=2, attribute_key=domain_userid, attributes=[views], owner="a@example.com"
    )
    service = Service(name="storefront", attribute_groups=[group], owner="a@example.com")
    server = script({"views": [3]})
    for use in (
        lambda s: group.get_attributes(signals=s, identifier="u1"),
        lambda s: service.get_attributes(signals=s, attribute_key="domain_userid", identifier="u1"),
    ):
        assert talk(server, use) == {"views": 3}
    assert server.asked[0].body["attributes"] == ["shop_v2:views"]
    assert server.asked[1].body["service"] == "storefront"


def columns(request: httpx.Request) -> httpx.Response:
    """A server that gives each identifier back as its value."""
    import json

    (identifiers,) = json.loads(request.content)["attribute_keys"].values()
    return httpx.Response(200, json={"who": identifiers, "short": identifiers[:1]})


def test_many_identifiers_take_a_request_for_each_thousand(talk: Any, script: Any) -> None:
    server = script(columns)
    wanted = [f"u{n}" for n in range(2500)]
    rows = talk(server, lambda s: s.get_service_attributes_batch("shop", "user_id", wanted))
    assert [len(one.body["attribute_keys"]["user_id"]) for one in server.asked] == [1000, 1000, 500]
    assert list(rows) == wanted
    assert all(row["who"] == identifier for identifier, row in rows.items())
    assert (rows["u0"]["short"], rows["u1"]["short"]) == ("u0", None)


def test_an_identifier_is_asked_for_once_and_nothing_for_none(talk: Any, script: Any) -> None:
    server = script(columns)
    rows = talk(server, lambda s: s.get_group_attributes_batch("shop", 1, "who", "user_id", iter(["b", "a", "b"])))
    assert {identifier: row["who"] for identifier, row in rows.items()} == {"b": "b", "a": "a"}
    assert talk(server, lambda s: s.get_service_attributes_batch("shop", "user_id", [])) == {}
    assert len(server.asked) == 1


def test_reading_is_repeated_when_the_server_is_busy(talk: Any, script: Any) -> None:
    server = script(503, httpx.ConnectError("refused"), {"a": [1]})
    assert talk(server, lambda s: s.get_service_attributes("shop", "user_id", "u1")) == {"a": 1}
    assert len(server.asked) == 3


def test_an_unknown_service_is_named(talk: Any, script: Any) -> None:
    server = script(httpx.Response(404, json={"error": "no service 'shop' is published"}))
    with pytest.raises(SignalsNotFoundError, match="no service 'shop' is published"):
        talk(server, lambda s: s.get_service_attributes("shop", "user_id", "u1"))


@pytest.mark.parametrize("body", [{"a": 1}, {"a": None}, [], "x"])
def test_an_answer_that_is_not_columnar_is_refused(talk: Any, script: Any, body: Any) -> None:
    with pytest.raises(SignalsResponseError):
        talk(
            script(httpx.Response(200, json=body)),
            lambda s: s.get_service_attributes("shop", "user_id", "u1"),
        )
