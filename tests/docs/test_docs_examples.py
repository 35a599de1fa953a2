"""The examples in the documents run as they stand, against a real server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from snowmelt.cli.app import app
from snowmelt.events import tsv
from snowmelt.settings import Settings
from snowmelt.settings_connectors import FilesOutput, KafkaOutput, KafkaSource

ADDRESS = "127.0.0.1:8080"
Examples = Callable[[str, str], list[Any]]
Table = Callable[[str, str], list[list[str]]]


@pytest.mark.process
def test_the_tutorial_runs_as_it_stands(server: Any, examples: Examples, tmp_path: Path) -> None:
    """Only the server's address differs: the test's server listens on a free port."""
    (tutorial,) = examples("README.md", "tutorial")
    (output,) = examples("README.md", "tutorial output")
    assert tutorial.code.count(ADDRESS) == 2
    script = tmp_path / "tutorial.py"
    script.write_text(tutorial.code.replace(ADDRESS, server.url.removeprefix("http://")))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "SNOWMELT_SANDBOX_TOKEN": server.token, "NO_PROXY": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == output.code


@pytest.mark.process
def test_the_suites_of_others_pass(examples: Examples, tmp_path: Path) -> None:
    """Each in a run of pytest of its own, where a warning is an error."""
    (shown,) = examples("README.md", "own tests")
    (conftest,) = examples("docs/testing.md", "conftest")
    suites = {"readme": {"test_shown.py": shown.code}, "page": {"conftest.py": conftest.code}}
    for number, suite in enumerate(examples("docs/testing.md", "suite")):
        suites["page"][f"test_{number}.py"] = suite.code
    for name, files in suites.items():
        folder = tmp_path / name
        folder.mkdir()
        for path, text in files.items():
            (folder / path).write_text(text)
        command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [*command, "--rootdir", str(folder), "--basetemp", str(tmp_path / f"{name}-temp"), str(folder)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(files) - ('conftest.py' in files)} passed" in done.stdout


@pytest.mark.process
def test_a_server_without_pytest_prints_what_is_shown(examples: Examples, tmp_path: Path) -> None:
    (program,) = examples("docs/testing.md", "program")
    (output,) = examples("docs/testing.md", "program output")
    done = subprocess.run(
        [sys.executable, "-c", program.code], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == output.code


@pytest.mark.process
def test_the_round_trip_answers_what_is_shown(server: Any, examples: Examples, tmp_path: Path) -> None:
    for example in examples("docs/api.md", "curl"):
        done = subprocess.run(
            ["bash", "-euc", example.code],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=tmp_path,
            env={**os.environ, "URL": server.url, "TOKEN": server.token, "NO_PROXY": "127.0.0.1"},
        )
        assert done.returncode == 0, done.stderr
        if example.kind == "json":
            assert _without_nulls(json.loads(done.stdout)) == json.loads(example.shown), example.code
        else:
            assert done.stdout.strip() == example.shown.strip(), example.code
        server.flush()


def _without_nulls(answer: Any) -> Any:
    """The members that an answer shows; entries of columns stay."""
    return {name: value for name, value in answer.items() if value is not None}


@pytest.mark.process
def test_what_a_server_has_is_what_is_listed(server: Any, table: Table) -> None:
    """Endpoints, areas that come later, metrics, entries of the data folder."""
    document = httpx.get(f"{server.url}/openapi.json").json()
    served = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "501" not in operation["responses"]
    }
    assert {(method, path) for method, path, _ in table("docs/api.md", "method | path")} == served

    headers = {"Authorization": f"Bearer {server.token}"}
    for path, what in table("docs/api.md", "path, and what is below it"):
        answer = httpx.get(server.url + path.replace("*", "1"), headers=headers)
        assert answer.status_code == 501
        assert answer.json()["detail"] == f"{what}: not available in this release of Snowmelt."

    text = httpx.get(f"{server.url}/metrics").text
    exposed = set(re.findall(r"^# HELP (\S+) ", text, re.MULTILINE))
    assert {name for name, _ in table("docs/operations.md", "metric | meaning")} == exposed

    for path, status in (("/health", 200), ("/ready", 200), ("/health-all", 200)):
        assert httpx.get(f"{server.url}{path}").status_code == status

    told = {name for row in table("docs/architecture.md", "entry | what") for name in row[0].split(", ")}
    there = {
        f"{entry.name}/" if entry.is_dir() else entry.name
        for entry in server.data_dir.iterdir()
        if not entry.name.endswith(("-wal", "-shm"))
    }
    # Before the first checkpoint, and without schemas, sources and webhooks.
    assert told - {"profiles.checkpoint/", "iglu/", "source-NAME.lock", "webhooks.sqlite", "webhooks.lock"} == there


def test_the_settings_file_is_one(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples("docs/operations.md", "toml")
    (tmp_path / "snowmelt.toml").write_text(example.code)
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.data_dir == Path("/var/lib/snowmelt")
    assert (settings.port, settings.workers, settings.log.retention_hours) == (8080, 2, 72)
    assert settings.collector.cookie.domains == ["shop.example"]
    assert settings.collector.paths == {"/shop/t": "/com.snowplowanalytics.snowplow/tp2"}
    monkeypatch.setenv("SNOWMELT_LOG__RETENTION_HOURS", "48")
    assert Settings().log.retention_hours == 48


def test_sources_and_outputs_are_settings(
    examples: Examples, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [examples("docs/connectors.md", f"toml {kind}")[0].code for kind in ("sources", "outputs")]
    (tmp_path / "snowmelt.toml").write_text("\n".join(blocks))
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    [source], outputs = settings.sources, settings.outputs
    assert source.start_ms() == 1_767_225_600_000
    assert source.properties["sasl.mechanism"] == "SCRAM-SHA-512"
    assert [output.type for output in outputs] == ["files", "kafka"]

    def told(what: str) -> set[str]:
        return {name for row in table("docs/connectors.md", f"member of {what}") for name in row[0].split(", ")}

    assert told("a source") == set(KafkaSource.model_fields)
    assert told("an output") == {*FilesOutput.model_fields, *KafkaOutput.model_fields}


def test_the_yaml_definitions_pass_the_checks(examples: Examples, tmp_path: Path) -> None:
    (example,) = examples("docs/operations.md", "yaml")
    path = tmp_path / "pages.yaml"
    path.write_text(example.code)
    result = CliRunner().invoke(app, ["apply", "--dry-run", str(path)])
    assert result.exit_code == 0, result.output
    assert [line.split(" (")[0] for line in result.output.splitlines()] == [
        "would publish attribute group pages version 1",
        "would publish service pages",
    ]


def test_the_event_is_explained_as_shown(examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (definitions,) = examples("docs/operations.md", "yaml")
    (explained,) = examples("docs/operations.md", "explain event")
    monkeypatch.chdir(tmp_path)
    Path("pages.yaml").write_text(definitions.code)
    ping: dict[str, Any] = {
        "event_id": "6f1f6d2c-3c57-4f0e-9a43-0b8f2a7c1d55",
        "event_name": "page_ping",
        "event_vendor": "com.snowplowanalytics.snowplow",
        "event_version": "1-0-0",
        "domain_userid": "visitor-1",
        "page_urlpath": "/lamps",
    }
    Path("enriched.tsv").write_text(tsv.encode(ping))
    result = CliRunner().invoke(app, ["explain", "pages", "--file", "pages.yaml", "--event", "enriched.tsv"])
    assert result.exit_code == 0, result.output
    assert result.stdout == explained.code
