"""The registry over HTTP: statuses, answers, problems, and the flow of the public clients."""

from typing import Any

import pytest
from structlog.testing import capture_logs

GROUPS = "registry/attribute_groups"
OUTPUT = {
    "full_name": "shop_v1",
    "feast_name": "shop_v1",
    "stream_source_name": "shop_stream",
    "attribute_key_or_name": "domain_userid",
    "attribute_group_or_attribute_key_ttl": "P90D",
}


def write(client: Any, body: dict[str, Any]) -> Any:
    """POST, and PUT if the answer is 400, as the public SDK does."""
    response = client.post(f"{GROUPS}/", json=body)
    if response.status_code == 400:
        response = client.put(f"{GROUPS}/{body['name']}/versions/{body['version']}", json=body)
    return response


def test_a_group_answers_with_computed_members(client: Any, group) -> None:
    response = client.post(f"{GROUPS}/", json=group(ttl="P90D", is_published=True))
    assert response.status_code == 201
    answer = response.json()
    assert answer.items() >= OUTPUT.items()
    assert answer["attribute_key"]["key"] == "domain_userid"
    assert answer["attribute_key"]["blobl_path"] == "domain_userid"
    assert answer["attributes"][1]["property"] == {"type": "atomic", "name": "tr_total", "date_part": None}
    assert answer["created_at"] == answer["updated_at"]
    for path in (f"{GROUPS}/shop", f"{GROUPS}/shop/versions/1"):
        assert client.get(path).json() == answer
    for path in (GROUPS, f"{GROUPS}/shop/versions"):
        assert client.get(path).json() == [answer]


@pytest.mark.parametrize("path", [GROUPS, "registry/attribute_keys", "registry/services"])
def test_collections_answer_with_and_without_a_slash(client: Any, path: str) -> None:
    for spelled in (path, f"{path}/"):
        response = client.get(spelled, headers={"Content-Type": "application/json; charset=utf-8"})
        assert response.status_code == 200
        assert isinstance(response.json(), list)


def test_the_flow_of_the_public_client(client: Any, group) -> None:
    assert write(client, group(is_published=True)).status_code == 201
    again = write(client, group(is_published=True))
    assert (again.status_code, again.json()["is_published"]) == (200, True)
    edit = write(client, group(is_published=True, attributes=group()["attributes"][:1]))
    assert edit.status_code == 409
    assert "version 2" in edit.json()["detail"]
    off = write(client, group(is_published=False))
    assert (off.status_code, off.json()["is_published"]) == (200, False)
    assert client.delete(f"{GROUPS}/shop/versions/1").json() == {"ok": True}
    assert client.get(f"{GROUPS}/shop/versions/1").status_code == 404


def test_list_filters(client: Any, group) -> None:
    source = {"name": "crm", "database": "DB", "schema": "ML", "table": "CRM", "timestamp_field": "TS"}
    write(client, group(is_published=True))
    write(client, group("draft"))
    write(client, group("batch", offline=True, batch_source=source))

    def names(query: str) -> list[str]:
        return [answer["name"] for answer in client.get(f"{GROUPS}?{query}").json()]

    assert names("applied=true") == ["shop"]
    assert names("offline=true") == ["batch"]
    assert names("offline=false") == ["draft", "shop"]
    assert names("") == ["batch", "draft", "shop"]
    assert client.get(f"{GROUPS}?property_syntax=oracle").json()["detail"][0]["loc"] == ["query", "property_syntax"]
    assert client.get(f"{GROUPS}?applied=perhaps").json()["detail"][0]["loc"] == ["query", "applied"]


def test_properties_in_the_syntax_of_another_system(client: Any, group) -> None:
    """Only where events are looked at; groups of a table have no properties."""
    price = {"type": "entity", "vendor": "com.acme", "name": "product", "major_version": 1, "path": "price"}
    criteria = {"any": [{"property": price, "operator": ">", "value": 3}]}
    attribute = {"name": "paid", "type": "double", "aggregation": "sum", "property": price, "criteria": criteria}
    write(client, group(attributes=[*group()["attributes"], attribute]))
    source = {"name": "crm", "database": "DB", "schema": "ML", "table": "CRM", "timestamp_field": "TS"}
    external = {
        "offline": True,
        "attributes": [],
        "fields": [{"name": "tier", "type": "string"}],
        "batch_source": source,
    }
    assert write(client, group("crm", **external)).json()["attributes"] == []

    def told(syntax: str) -> list[Any]:
        answers = client.get(f"{GROUPS}?property_syntax={syntax}").json()
        assert [answer["attributes"] for answer in answers if answer["name"] == "crm"] == [[]]
        [answer] = [answer for answer in answers if answer["name"] == "shop"]
        views, total, spent = answer["attributes"]
        assert (views["property"], views["criteria"]) == (None, None)
        return [total["property"], spent["property"], spent["criteria"]["any"][0]["property"]]

    column = "contexts_com_acme_product_1[0]:price"
    assert told("snowflake") == ["tr_total", column, column]
    assert told("databricks")[1] == "contexts_com_acme_product_1[0].price"
    path = {"type": "leaf", "blobl_path": "contexts_com_acme_product_1.0.price"}
    assert told("blobl") == [{"type": "leaf", "blobl_path": "tr_total"}, path, path]


def test_lists_are_whole_unless_a_part_is_asked_for(client: Any, group) -> None:
    for version in range(1, 6):
        write(client, group(version=version))

    def versions(path: str) -> list[int]:
        return [answer["version"] for answer in client.get(path).json()]

    assert versions(GROUPS) == [1, 2, 3, 4, 5]
    assert versions(f"{GROUPS}?limit=2") == [1, 2]
    assert versions(f"{GROUPS}?limit=2&offset=3") == versions(f"{GROUPS}/shop/versions?offset=3") == [4, 5]
    assert versions(f"{GROUPS}?offset=9") == []
    assert client.get(f"{GROUPS}?limit=0").json()["detail"][0]["loc"] == ["query", "limit"]
    for path in ("attribute_keys", "services", "interventions", "event_logs", "agentic_decisions"):
        assert len(client.get(f"registry/{path}?limit=3&offset=1").json()) <= 3
        assert client.get(f"registry/{path}?offset=-1").status_code == 422
    assert len(client.get("registry/attribute_keys?limit=3").json()) == 3


def test_every_problem_of_a_body_is_told_at_once(client: Any, group) -> None:
    """Types and limits, and beside them what only rules can say, each at its place in what was sent."""
    attributes = [
        {"name": "first one", "type": "int32", "aggregation": "counter"},
        {"name": "b", "type": "double", "aggregation": "sum"},
        {"name": "c", "type": "integer", "aggregation": "counter", "period": "soon"},
        {"name": "d", "type": "double", "aggregation": "mean", "period": "later"},
    ]
    response = client.post(GROUPS, json=group(name="a b", attributes=attributes, description="\x00"))
    assert response.status_code == 422
    places = {tuple(item["loc"][:4]) for item in response.json()["detail"]}
    assert places >= {
        ("body", "name"),
        ("body", "description"),
        ("body", "attributes", 0, "name"),
        ("body", "attributes", 1, "property"),
        ("body", "attributes", 2, "type"),
        ("body", "attributes", 2, "period"),
        ("body", "attributes", 3, "period"),
        ("body", "attributes", 3, "property"),
    }
    assert all(item.keys() == {"loc", "msg", "type"} for item in response.json()["detail"])
    assert client.get(GROUPS).json() == []


def test_problems_that_only_rules_find(client: Any, group) -> None:
    attributes = [{"name": "b", "type": "double", "aggregation": "sum"}] * 2
    response = client.post(GROUPS, json=group(attributes=attributes))
    assert response.status_code == 422
    assert {tuple(item["loc"][:3]) for item in response.json()["detail"]} == {
        ("body", "attributes", 0),
        ("body", "attributes", 1),
    }


def test_what_this_release_cannot_compute_is_not_published(client: Any, group) -> None:
    prices = {"type": "double", "property": {"type": "atomic", "name": "ti_price"}}
    attributes = [
        {"name": "total", "aggregation": "sum", **prices},
        {"name": "average", "aggregation": "mean", **prices},
    ]
    refused = client.post(GROUPS, json=group(attributes=attributes, is_published=True))
    assert refused.status_code == 422
    assert [item["loc"] for item in refused.json()["detail"]] == [["body", "attributes", 1, "aggregation"]]
    assert client.post(GROUPS, json=group(attributes=attributes)).status_code == 201
    reference = {"attribute_groups": [{"name": "shop", "version": 1}]}
    assert client.post("engines/publish", json=reference).status_code == 422
    assert client.get(f"{GROUPS}/shop").json()["is_published"] is False


@pytest.mark.parametrize("path", [GROUPS, "registry/attribute_keys", "registry/services", "engines/publish"])
def test_bodies_that_are_no_objects(client: Any, path: str) -> None:
    for body in (b"", b"{", b"[]", b'"text"', b"[" * 100_000):
        response = client.post(path, content=body)
        assert response.status_code == 422, body[:20]
        assert response.json()["detail"][0]["loc"] == ["body"]


def test_path_and_body_must_agree(client: Any, group) -> None:
    client.post(GROUPS, json=group())
    wrong = client.put(f"{GROUPS}/shop/versions/1", json=group("other", 2))
    assert wrong.status_code == 422
    assert [item["loc"] for item in wrong.json()["detail"]] == [["body", "name"], ["body", "version"]]
    body = group(description="from the path")
    del body["name"], body["version"]
    assert client.put(f"{GROUPS}/shop/versions/1", json=body).json()["description"] == "from the path"


def test_unknown_members_are_ignored(client: Any, group) -> None:
    answer = client.post(GROUPS, json=group(fancy_new_member={"a": 1})).json()
    assert client.put(f"{GROUPS}/shop/versions/1", json=answer).status_code == 200


def test_versions_are_numbers(client: Any) -> None:
    for version in ("first", "0", "-1", "1.5"):
        assert client.get(f"{GROUPS}/shop/versions/{version}").status_code == 422


def test_a_stream_group_has_no_place_for_a_batch_source(client: Any, group) -> None:
    client.post(GROUPS, json=group())
    source = {"name": "crm", "database": "DB", "schema": "ML", "table": "CRM", "timestamp_field": "TS"}
    response = client.put(f"{GROUPS}/shop/versions/1/batch_source", json=source)
    assert response.status_code == 422
    assert [problem["loc"] for problem in response.json()["detail"]] == [["body", "batch_source"]]


def test_the_batch_source_of_a_draft(client: Any, group) -> None:
    write(client, group(offline=True))
    source = {"name": "crm", "database": "DB", "wh_schema": "ML", "table": "CRM", "timestamp_field": "TS"}
    response = client.put(f"{GROUPS}/shop/versions/1/batch_source", json=source)
    assert response.status_code == 200
    assert response.json()["batch_source"]["schema"] == "ML"


def test_attribute_keys(client: Any) -> None:
    path = "registry/attribute_keys"
    assert [key["name"] for key in client.get(f"{path}/").json()] == [
        "domain_sessionid",
        "domain_userid",
        "network_userid",
        "user_id",
    ]
    body = {"name": "domain_userid", "key": "domain_userid", "description": "Theirs", "is_published": True}
    assert client.post(f"{path}/", json=body).status_code == 400
    assert client.put(f"{path}/domain_userid", json=body).json()["description"] == "Theirs"
    entity = {
        "type": "entity",
        "vendor": "com.acme",
        "name": "user",
        "major_version": 1,
        "path": "account_id",
    }
    created = client.post(path, json={"property": entity})
    assert created.status_code == 201
    assert created.json()["name"] == "account_id"
    assert created.json()["blobl_path"] == "contexts_com_acme_user_1.0.account_id"
    assert client.get(f"{path}/account_id").json() == created.json()
    assert client.delete(f"{path}/account_id").json() == {"ok": True}
    assert client.delete(f"{path}/account_id").status_code == 404
    assert client.delete(f"{path}/user_id").status_code == 409
    assert client.post(path, json={"name": "x", "external_column": "y"}).status_code == 422


def test_services(client: Any, group, service) -> None:
    path = "registry/services"
    write(client, group(is_published=True))
    body = service(
        "storefront", ("shop", 1), is_published=True, access_mode="authenticated", description="For the shop"
    )
    created = client.post(f"{path}/", json=body)
    assert (created.status_code, created.json()) == (201, body)
    assert client.post(f"{path}/", json=body).status_code == 400
    assert client.put(f"{path}/storefront", json=body).status_code == 200
    assert client.get(f"{path}/storefront").json() == body
    refused = client.put(f"{GROUPS}/shop/versions/1", json=group())
    assert refused.status_code == 409
    assert "service storefront" in refused.json()["detail"]
    assert client.delete(f"{path}/storefront").status_code == 409
    client.put(f"{path}/storefront", json=body | {"is_published": False})
    assert client.delete(f"{path}/storefront").json() == {"ok": True}
    missing = client.post(path, json=service("other", ("absent", 1)))
    assert missing.status_code == 422
    assert missing.json()["detail"][0]["loc"][:3] == ["body", "attribute_groups", 0]


def test_names_that_collide_in_a_service_are_logged(client: Any, group, service) -> None:
    write(client, group())
    write(client, group("profile"))
    with capture_logs() as logs:
        client.post("registry/services", json=service("storefront", ("shop", 1), ("profile", 1)))
    assert [entry["attribute"] for entry in logs] == ["views", "spent"]


def test_engines(client: Any, group, service) -> None:
    write(client, group())
    client.post("registry/services/", json=service("storefront", ("shop", 1)))
    everything = {
        "services": [{"name": "storefront"}],
        "attribute_groups": [{"name": "shop", "version": 1}],
        "attribute_keys": [{"name": "user_id"}],
    }
    assert client.post("engines/publish", json=everything).json() == {"status": "published"}
    assert client.get("registry/services/storefront").json()["is_published"] is True
    assert client.post("engines/publish", json=everything).json() == {"status": "published"}
    assert client.post("engines/publish", json={"services": []}).json() == {"status": "nothing to publish"}
    assert client.post("engines/unpublish/", json={}).json() == {"status": "nothing to unpublish"}
    held = client.post("engines/unpublish", json={"attribute_groups": [{"name": "shop", "version": 1}]})
    assert held.status_code == 409
    unknown = {"attribute_keys": [{"name": "user_id"}], "services": [{"name": "absent"}]}
    assert client.post("engines/unpublish", json=unknown).status_code == 404
    assert client.get("registry/attribute_keys/user_id").json()["is_published"] is True
    assert client.post("engines/publish", json={"attribute_groups": [{"name": "shop"}]}).status_code == 422
    assert client.post("engines/publish", json={"event_logs": [{"name": "recent"}]}).status_code == 404


def test_published_metadata(client: Any, group) -> None:
    nothing = {"attributes": [], "published_at": None}
    assert client.get("engines/published/stream_attributes").json() == nothing
    write(client, group())
    assert client.get("engines/published/stream_attributes").json() == nothing
    write(client, group(version=2, is_published=True))
    write(client, group("cafe", is_published=True))
    answer = client.get("engines/published/stream_attributes").json()
    assert answer["published_at"] is not None
    assert [(one["aggregation"], len(one["source_groups"])) for one in answer["attributes"]] == [
        ("counter", 2),
        ("sum", 2),
    ]
    assert [one["property"] and one["property"]["blobl_path"] for one in answer["attributes"]] == [None, "tr_total"]

    empty = {"interventions": [], "published_at": None}
    assert client.get("engines/published/interventions/").json() == empty
    criteria = {"attribute": "shop:views", "operator": ">", "value": 3}
    rule = {"name": "nudge", "owner": "crm@example.com", "criteria": criteria}
    client.post("registry/interventions", json=rule)
    assert client.get("engines/published/interventions").json() == empty
    client.post("registry/interventions", json=rule | {"version": 2, "is_published": True})
    [published] = client.get("engines/published/interventions").json()["interventions"]
    assert (published["version"], published["target_attribute_keys"]) == (2, [{"name": "domain_userid"}])


def test_templates(client: Any, group) -> None:
    templates = client.get("registry/attribute_group_templates/").json()["templates"]
    assert {template["category"] for template in templates} == {"web_analytics", "marketing_attribution", "ecommerce"}
    for number, template in enumerate(templates):
        body = group(f"template_{number}", attributes=template["attributes"])
        assert client.post(GROUPS, json=body).status_code == 201


def test_each_change_is_announced_before_its_answer(client: Any, changes, group, registry) -> None:
    write(client, group())
    write(client, group(is_published=True))
    assert changes.snapshots[-1]["groups"][0]["group"]["name"] == "shop"
    assert [snapshot["revision"] for snapshot in changes.snapshots] == [2, 3]
    write(client, group(is_published=True))
    client.get(GROUPS)
    client.delete(f"{GROUPS}/shop/versions/1")
    assert len(changes.snapshots) == 2


def test_a_change_that_cannot_be_announced_is_stored_and_says_so(client: Any, changes, group) -> None:
    changes.broken = True
    with capture_logs() as logs:
        response = client.post(GROUPS, json=group(is_published=True))
    assert [entry["event"] for entry in logs] == ["registry_change_not_announced"]
    assert response.status_code == 503
    assert "stored" in response.json()["error"]
    assert client.get(f"{GROUPS}/shop").json()["is_published"] is True
    changes.broken = False
    assert write(client, group(is_published=True)).status_code == 200
    assert changes.snapshots[-1]["groups"][0]["group"]["name"] == "shop"
