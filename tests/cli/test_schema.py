"""``snowmelt schema``: keeping schemas, looking at them, and holding data against them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from iglu_documents import document, key
from snowmelt.iglu.local import LocalRegistry
from snowmelt.iglu.schema import MAX_BYTES, Schema
from snowmelt.runtimes.data_dir import SCHEMAS

ORDER, REFUND = key(), key("refund", "2-0-1")
WEB_PAGE = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
Schemas = Callable[..., Result]


@pytest.fixture
def schemas(run: Any, data: Path) -> Schemas:
    """Runs ``snowmelt schema`` on a data folder in which nothing ran."""
    return lambda *arguments, **options: run("schema", *arguments, "--data-dir", data, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two schemas in the layout of a static registry."""
    root = tmp_path / "mine" / "schemas"
    for described in (ORDER, REFUND):
        file = root.joinpath(*described)
        file.parent.mkdir(parents=True)
        file.write_bytes(document(described, required=["number"]))
    return root


def kept(data: Path) -> list[str]:
    return [one.uri for one in LocalRegistry(data / SCHEMAS).schema_keys()]


def data_of(uri: str, value: Any) -> bytes:
    return json.dumps({"schema": uri, "data": value}).encode()


def test_files_folders_and_standard_input_are_added(schemas: Schemas, data: Path, folder: Path) -> None:
    one = folder.joinpath(*ORDER)
    assert schemas("add", one).stdout == f"added\t{ORDER.uri}\n"
    assert sorted(schemas("add", folder).stdout.splitlines()) == [f"added\t{REFUND.uri}", f"unchanged\t{ORDER.uri}"]
    third = key("third")
    assert schemas("add", "-", input=document(third)).stdout == f"added\t{third.uri}\n"
    assert kept(data) == [ORDER.uri, REFUND.uri, third.uri]


def test_another_of_the_same_version_is_kept_out_unless_it_is_to_replace(
    schemas: Schemas, data: Path, folder: Path
) -> None:
    assert schemas("add", "-", input=document(title="first")).exit_code == 0
    result = schemas("add", folder)
    assert (result.exit_code, result.stdout) == (1, f"added\t{REFUND.uri}\n"), "the others are added"
    assert f"there is another {ORDER.uri} already" in result.stderr and "--replace" in result.stderr
    assert schemas("add", folder, "--replace").stdout.splitlines() == [
        f"replaced\t{ORDER.uri}",
        f"unchanged\t{REFUND.uri}",
    ]
    found = LocalRegistry(data / SCHEMAS).look_up(ORDER)
    assert isinstance(found, Schema) and found.text == document(required=["number"])


def test_nothing_is_added_if_some_of_it_cannot_be_used(schemas: Schemas, data: Path, folder: Path) -> None:
    wrong = {
        "a.json": (b"{", "it is not JSON"),
        "b.json": (b"[]", "it is not a JSON object"),
        "c.json": (b"{}", 'it has no "self"'),
        "d.json": (document(type="nonsense"), "it is not a valid schema of draft 4"),
        "e.json": (document(**{"$supersededBy": "next"}), "$supersededBy must be a version"),
        "f.json": (b" " * (MAX_BYTES + 1), f"it is longer than {MAX_BYTES:,} bytes"),
    }
    for name, (text, _) in wrong.items():
        (folder / name).write_bytes(text)
    result = schemas("add", folder)
    assert (result.exit_code, result.stdout, kept(data)) == (1, "", [])
    assert "nothing was added, because some of it cannot be used" in result.stderr
    for name, (_, problem) in wrong.items():
        assert f"{folder / name}: {problem}" in result.stderr
    assert ORDER.name not in result.stderr.replace(str(folder), "")


@pytest.mark.parametrize("command", ["add", "validate"])
def test_a_file_that_is_not_there(schemas: Schemas, command: str) -> None:
    result = schemas(command, "nowhere.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere.json cannot be read: No such file or directory" in result.stderr


def test_a_folder_without_files(schemas: Schemas, tmp_path: Path) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    result = schemas("add", "empty")
    assert result.exit_code == 1
    assert "there is no file in what was named" in result.stderr


def test_a_data_folder_that_does_not_take_it(schemas: Schemas, data: Path) -> None:
    (data / SCHEMAS).mkdir()
    (data / SCHEMAS / "schemas").write_text("in the way")
    result = schemas("add", "-", input=document())
    assert result.exit_code == 1
    assert f"{ORDER.uri} cannot be kept in {data / SCHEMAS}: " in result.stderr


@pytest.mark.parametrize("arguments", [["add", "-"], ["list"]])
def test_a_data_folder_that_is_not_there(run: Any, tmp_path: Path, arguments: list[str]) -> None:
    result = run("schema", *arguments, "--data-dir", "nowhere", input=document())
    assert result.exit_code == 1
    assert "there is no data folder" in result.stderr and "snowmelt serve" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_they_are_listed(schemas: Schemas, folder: Path) -> None:
    assert schemas("list").stdout.splitlines() == ["registry\tschema"]
    schemas("add", folder)
    schemas("add", "-", input=document(key(vendor="org.example")))
    lines = [line.split("\t") for line in schemas("list").stdout.splitlines()[1:]]
    assert lines == [["local", ORDER.uri], ["local", REFUND.uri], ["local", key(vendor="org.example").uri]]
    found = [json.loads(line) for line in schemas("list", "--json", "--vendor", "com.acme").stdout.splitlines()]
    assert found == [{"registry": "local", "schema": ORDER.uri}, {"registry": "local", "schema": REFUND.uri}]
    assert schemas("list", "--json", "--vendor", "com").stdout == "", "the whole vendor"
    everything = schemas("list", "--standard").stdout.splitlines()
    assert f"standard\t{WEB_PAGE}" in everything and f"local\t{ORDER.uri}" in everything


def test_one_is_shown_wherever_the_server_has_it(schemas: Schemas, data: Path, folder: Path) -> None:
    assert json.loads(schemas("show", WEB_PAGE).stdout)["self"]["name"] == "web_page"
    Path("snowmelt.toml").write_text(f'[schemas]\nfolders = ["{folder.parent}"]\n')
    assert schemas("show", ORDER.uri).stdout.encode() == document(required=["number"]) + b"\n"
    schemas("add", "-", input=document(title="the data folder comes first"))
    assert json.loads(schemas("show", ORDER.uri).stdout)["title"] == "the data folder comes first"


def test_one_that_nobody_has(schemas: Schemas) -> None:
    result = schemas("show", ORDER.uri)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"there is no schema {ORDER.uri} (local: no such file; standard: no such file)" in result.stderr
    assert "snowmelt schema add" in result.stderr


@pytest.mark.parametrize("uri", ["web_page", "iglu:com.acme/order/jsonschema", "iglu:com.acme/order/jsonschema/one"])
def test_what_is_no_uri(schemas: Schemas, uri: str) -> None:
    result = schemas("show", uri)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "iglu:" in result.stderr


@pytest.mark.parametrize("arguments", [["show", WEB_PAGE], ["validate", "-"]])
def test_a_resolver_that_cannot_be_read(schemas: Schemas, arguments: list[str]) -> None:
    Path("snowmelt.toml").write_text('[schemas]\nresolver = "nowhere.json"\n')
    result = schemas(*arguments, input=data_of(WEB_PAGE, {}))
    assert result.exit_code == 1
    assert "the resolver configuration nowhere.json cannot be read" in result.stderr


def test_schemas_and_data_are_validated(schemas: Schemas, data: Path, folder: Path) -> None:
    schemas("add", folder)
    Path("good.json").write_bytes(data_of(ORDER.uri, {"number": 1}))
    result = schemas("validate", folder, "good.json")
    assert result.exit_code == 0
    assert [line.rpartition(": ")[2] for line in result.stdout.splitlines()] == ["valid"] * 3
    assert schemas("validate", "-", input=document()).stdout == "-: valid\n"
    assert kept(data) == [ORDER.uri, REFUND.uri]


def test_everything_that_is_wrong_is_told_file_by_file(schemas: Schemas, data: Path, folder: Path) -> None:
    schemas("add", folder)
    unsound = data / SCHEMAS / "schemas" / "/".join(key("unsound"))
    unsound.parent.mkdir(parents=True)
    unsound.write_bytes(document(key("unsound"), type="nonsense"))
    files = {
        "a.json": (b"{", "it is not JSON"),
        "b.json": (b"1", "it is not a JSON object"),
        "c.json": (document(type=5), "it is not a valid schema of draft 4"),
        "d.json": (data_of(ORDER.uri, {}), "$: key number is missing"),
        "e.json": (data_of(WEB_PAGE, {"id": "x", "more": 1}), "$.id: must match the pattern"),
        "f.json": (data_of("iglu:com.acme/nobody/jsonschema/1-0-0", {}), "there is no schema iglu:com.acme/nobody"),
        "g.json": (data_of("nonsense", {}), "nonsense"),
        "h.json": (data_of(key("unsound").uri, {}), "it is not a valid schema of draft 4"),
        "i.json": (data_of(ORDER.uri, {"number": 1}), "valid"),
        "j.json": (b'{"schema": 1, "data": {}}', 'it has no "self"'),
    }
    for name, (text, _) in files.items():
        Path(name).write_bytes(text)
    result = schemas("validate", *files)
    assert result.exit_code == 1
    told = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    for name, (_, problem) in files.items():
        assert problem in told[name], name
    assert "key more is not allowed here" in told["e.json"], "all of it"
