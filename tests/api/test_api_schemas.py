"""The registry of schemas over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from snowmelt.iglu.local import LocalRegistry

PLACE = "com.acme/order/jsonschema/1-0-0"
PATH = f"/api/schemas/{PLACE}"


def schema(version: str = "1-0-0", **rest: Any) -> dict[str, Any]:
    described = {"vendor": "com.acme", "name": "order", "format": "jsonschema", "version": version}
    return {"self": described, "type": "object"} | rest


def test_a_schema_is_added_read_and_listed(client: Any, schemas: LocalRegistry) -> None:
    text = json.dumps(schema(), indent=1).encode()
    answer = client.put(PATH, content=text)
    assert (answer.status_code, answer.json()) == (
        201,
        {"status": 201, "message": "added", "location": f"iglu:{PLACE}"},
    )
    assert client.get(PATH).content == text, "kept as it was sent"
    assert (schemas.path / "schemas" / PLACE).read_bytes() == text, "in the layout of a static registry"
    assert client.post("/api/schemas", json=schema("1-0-1")).status_code == 201
    assert client.get("/api/schemas").json() == [f"iglu:{PLACE}", "iglu:com.acme/order/jsonschema/1-0-1"]


def test_another_schema_of_the_same_version_needs_to_be_meant(client: Any) -> None:
    assert client.put(PATH, json=schema()).status_code == 201
    assert client.put(PATH, json=schema()).json()["message"] == "unchanged"
    refused = client.put(PATH, json=schema(required=["id"]))
    assert refused.status_code == 409
    assert "give the new one a new version" in refused.json()["detail"]
    assert "required" not in client.get(PATH).json()
    assert client.put(f"{PATH}?replace=true", json=schema(required=["id"])).json()["message"] == "replaced"
    assert client.get(PATH).json()["required"] == ["id"]


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        (PATH, b"{", "it is not JSON"),
        (PATH, b"[]", "it is not a JSON object"),
        (PATH, b"{}", 'it has no "self"'),
        (PATH, json.dumps(schema("1-0-1")).encode(), "it describes iglu:com.acme/order/jsonschema/1-0-1, not"),
        (PATH, json.dumps(schema(type="nonsense")).encode(), "it is not a valid schema of draft 4"),
        (PATH, json.dumps(schema(pattern="(")).encode(), "it is not a valid schema of draft 4"),
        (PATH, json.dumps(schema(allOf=[{"$ref": "http://x.example/"}])).encode(), "leads out of the schema"),
        (PATH.replace("1-0-0", "1"), json.dumps(schema()).encode(), "the path is no schema's"),
        ("/api/schemas", b"x" * (1024**2 + 1), "it is longer than"),
    ],
)
def test_what_cannot_be_used_is_refused(client: Any, schemas: LocalRegistry, path: str, body: bytes, what: str) -> None:
    send = client.post if path == "/api/schemas" else client.put
    answer = send(path, content=body)
    assert answer.status_code == 422
    assert what in answer.json()["detail"][0]["msg"]
    assert list(schemas.schema_keys()) == []


@pytest.mark.parametrize("path", [PATH, PATH.replace("1-0-0", "x"), PATH.replace("com.acme", ".."), f"{PATH}/.."])
def test_what_is_not_there(client: Any, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_vendor_does_not_lead_out_of_the_folder(client: Any, schemas: LocalRegistry, tmp_path: Path) -> None:
    outside = tmp_path / "iglu" / "order" / "jsonschema" / "1-0-0"
    outside.parent.mkdir(parents=True)
    outside.write_text(json.dumps(schema()))
    assert client.get("/api/schemas/%2E%2E/order/jsonschema/1-0-0").status_code == 404
    described = {"vendor": "..", "name": "order", "format": "jsonschema", "version": "2-0-0"}
    assert client.post("/api/schemas", json={"self": described}).status_code == 422


def test_a_full_disk_is_no_fault_of_the_program(
    client: Any, schemas: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("snowmelt.iglu.local.os.fsync", refuse)
    answer = client.put(PATH, json=schema())
    assert (answer.status_code, list(schemas.schema_keys())) == (507, [])
    assert not [path for path in schemas.path.rglob("*") if path.is_file()], "no draft is left behind"


def test_the_key_of_a_registry_client_is_a_token(stranger: Any, client: Any) -> None:
    assert client.put(PATH, json=schema()).status_code == 201
    assert stranger.get(PATH).status_code == 401
    reader = client.post("api_keys", json={"role": "reader"}).json()["key"]
    writer = client.post("api_keys", json={"role": "writer"}).json()["key"]
    admin = client.post("api_keys", json={"role": "admin"}).json()["key"]
    assert stranger.get(PATH, headers={"apikey": reader}).status_code == 200
    assert stranger.put(PATH, json=schema(), headers={"apikey": writer}).status_code == 403
    assert stranger.put(PATH, json=schema(), headers={"apikey": admin}).status_code == 200
    assert stranger.get("registry/services", headers={"apikey": reader}).status_code == 401, (
        "elsewhere it is not looked at"
    )
