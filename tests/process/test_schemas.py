"""A whole server and its schemas: added while it runs, wanting, and failed events that are tried again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from conftest import Server, eventually
from iglu_documents import document, key
from pipeline_rows import PAGE_VIEW, TP2, payload_data
from schema_registry import SchemaRegistry
from snowmelt.cli.app import app
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.stores.failed_events import FailedEvents, Filter

pytestmark = pytest.mark.process

ORDER = key()
CO = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"
STRICT = '[schemas]\non_unresolved_schema = "reject"\n'
NO_MEMORY = "[engine]\nduplicate_hours = 0\ncommit_ms = 1\n"
"""Without the memory of events, which would hide one that counts twice; and with many small transactions."""


def with_entity(data: Any, uri: str = ORDER.uri) -> dict[str, str]:
    return {**PAGE_VIEW, "co": json.dumps({"schema": CO, "data": [{"schema": uri, "data": data}]})}


def track(server: Server, *events: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{server.url}{TP2}", content=payload_data(*events), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200
    server.flush()


def metrics(server: Server, name: str) -> dict[str, float]:
    """A metric's values by its labels."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return {
        line.rpartition(" ")[0].removeprefix(name).strip("{}"): float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith((f"{name}{{", f"{name} "))
    }


def snowmelt(server: Server, *arguments: str, status: int = 0, stdin: bytes = b"") -> str:
    """What a command says that is run in this process, beside those of the server, and with the server's settings."""
    with chdir(server.data_dir):
        done = CliRunner().invoke(app, [*arguments, "--data-dir", str(server.data_dir)], input=stdin)
    assert done.exit_code == status, done.stderr
    return done.stdout + done.stderr


def add(server: Server, schema: bytes, status: int = 201) -> None:
    """Add the schema of orders over HTTP, in the place of one that may be there."""
    url = f"{server.url}/api/schemas/com.acme/order/jsonschema/1-0-0?replace=true"
    assert httpx.put(url, content=schema, headers={"apikey": server.token}).status_code == status


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Starts servers on one data folder with these settings."""
    folder = tmp_path / "data"
    started: list[Server] = []

    def start(settings: str) -> Server:
        folder.mkdir(mode=0o700, exist_ok=True)
        # The server is started in its data folder, and reads its settings there.
        (folder / "snowmelt.toml").write_text(settings)
        started.append(Server(folder))
        return started[-1]

    yield start
    for server in started:
        server.close()


def test_a_schema_that_is_added_counts_within_seconds(serve: Callable[[str], Server]) -> None:
    server = serve("")
    track(server, with_entity({"number": 1}))
    assert metrics(server, "snowmelt_engine_events_total") == {"": 1}, "a laptop without a network works"
    assert metrics(server, "snowmelt_unresolved_schemas_total") == {'reason="missing"': 1}
    web_page = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
    track(server, with_entity({"id": "no uuid"}, web_page))
    assert metrics(server, "snowmelt_failed_events_total") == {'category="schema_violations"': 1}, "standard schemas"
    strict = document(properties={"number": {"type": "string"}})
    assert snowmelt(server, "schema", "add", "-", stdin=strict) == f"added\t{ORDER.uri}\n"

    def refused() -> bool:
        track(server, with_entity({"number": 1}))
        return metrics(server, "snowmelt_failed_events_total") == {'category="schema_violations"': 2}

    eventually(refused, "the schema that was added judges", seconds=5)
    url = f"{server.url}/api/schemas/com.acme/order/jsonschema/1-0-0"
    assert httpx.get(url, headers={"apikey": server.token}).content == strict
    add(server, document(), status=200)

    def accepted() -> bool:
        before = metrics(server, "snowmelt_engine_events_total")
        track(server, with_entity({"number": 1}))
        return metrics(server, "snowmelt_engine_events_total") != before

    eventually(accepted, "the schema that has replaced it judges", seconds=5)


def test_failed_events_are_replayed_after_their_schema_was_added(serve: Callable[[str], Server]) -> None:
    server = serve(STRICT + NO_MEMORY)
    track(server, PAGE_VIEW, with_entity({}), with_entity({"number": 1}))
    assert metrics(server, "snowmelt_engine_events_total") == {"": 1}
    found = snowmelt(server, "failed", "list", "--reason", ORDER.uri)
    assert found.count("\twaiting\tResolutionError of") == 2
    again = snowmelt(server, "failed", "replay", status=1)
    assert "0 are events now, 2 failed again, 0 are not tried yet" in again
    # Added and asked for within the second for which it is remembered that there is none.
    add(server, document(required=["number"]))
    again = snowmelt(server, "failed", "replay", "--reason", ORDER.uri, status=1)
    assert "1 are events now, 1 failed again, 0 are not tried yet" in again
    assert metrics(server, "snowmelt_engine_events_total") == {"": 2}
    found = snowmelt(server, "failed", "list", "--state", "waiting")
    assert "key number is missing" in found
    assert "replayed" not in found
    [done] = [line for line in snowmelt(server, "failed", "list").splitlines() if "\treplayed\t" in line]
    assert "it is an event already" in snowmelt(server, "failed", "replay", *done.split("\t")[:2])
    assert metrics(server, "snowmelt_replayed_events_total") == {'outcome="failed"': 3, 'outcome="good"': 1}


def test_everything_is_killed_in_the_middle_of_a_replay(serve: Callable[[str], Server]) -> None:
    server = serve(STRICT + NO_MEMORY)
    number = 600
    for _ in range(number // 100):
        track(server, *(with_entity({}) for _ in range(100)))
    add(server, document())
    with closing(FailedEvents(DataDir(server.data_dir).failed_events)) as failed:
        assert failed.count() == number
        replay = [sys.executable, "-m", "snowmelt", "failed", "replay", "--data-dir", str(server.data_dir)]
        command = subprocess.Popen(replay, cwd=server.data_dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: failed.count(Filter(state="replayed")) > 0, "the engine has begun")
        server.kill()
        command.send_signal(signal.SIGKILL)
        command.wait()
        done = failed.count(Filter(state="replayed"))
        assert 0 < done < number, "it was killed in the middle"
        # Asked for before the server comes to what was asked for before.
        server = serve(STRICT + NO_MEMORY)
        snowmelt(server, "failed", "replay")
        snowmelt(server, "failed", "replay")
        server.flush()
        assert failed.count(Filter(state="waiting")) == 0
    assert metrics(server, "snowmelt_engine_events_total") == {"": number}


def test_a_registry_that_is_down_fails_no_event(serve: Callable[[str], Server], tmp_path: Path) -> None:
    remote = SchemaRegistry(tmp_path / "remote")
    try:
        remote.put(ORDER)
        remote.be("500")
        (tmp_path / "resolver.json").write_text(remote.configuration())
        server = serve(f'{STRICT}resolver = "{tmp_path / "resolver.json"}"\ntimeout_seconds = 0.5\n')
        headers = {"Content-Type": "application/json"}
        for event in (PAGE_VIEW, with_entity({}), PAGE_VIEW):
            assert httpx.post(f"{server.url}{TP2}", content=payload_data(event), headers=headers).status_code == 200
        eventually(
            lambda: metrics(server, "snowmelt_engine_held_since_seconds")[""] > 0, "events wait for the registry"
        )
        assert metrics(server, "snowmelt_engine_events_total") == {"": 1}
        remote.stop()
        remote.be("good")
        remote.start()
        eventually(lambda: metrics(server, "snowmelt_engine_events_total") == {"": 3}, "it answers again")
        assert metrics(server, "snowmelt_failed_events_total") == {}
        assert metrics(server, "snowmelt_engine_held_since_seconds") == {"": 0}
        assert metrics(server, "snowmelt_schema_lookups_total")['answer="found",registry="central"'] == 1
    finally:
        remote.stop()


def test_events_do_not_wait_for_a_slow_registry_if_they_need_not_be_valid(
    serve: Callable[[str], Server], tmp_path: Path
) -> None:
    remote = SchemaRegistry(tmp_path / "remote")
    try:
        remote.be("slow")
        (tmp_path / "resolver.json").write_text(remote.configuration())
        server = serve(f'[schemas]\nresolver = "{tmp_path / "resolver.json"}"\ntimeout_seconds = 0.3\n')
        track(server, *(with_entity({}, key(f"made_up_{number}").uri) for number in range(20)))
        assert metrics(server, "snowmelt_engine_events_total") == {"": 20}
        assert metrics(server, "snowmelt_unresolved_schemas_total") == {'reason="unreachable"': 20}
        assert len(remote.asked()) < 5, "it is left alone"
    finally:
        remote.stop()


def test_a_server_whose_resolver_is_wrong_does_not_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "snowmelt.toml").write_text('[schemas]\nresolver = "nowhere.json"\n')
    done = subprocess.run(
        [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(folder)],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"the resolver configuration nowhere.json cannot be read" in done.stderr
