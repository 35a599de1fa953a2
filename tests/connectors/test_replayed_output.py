"""What an output gets of failed events that are tried again: once what the engine counted, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from iglu_documents import schema
from machine import page_view, request
from snowmelt.connectors.engine_verdicts import EngineVerdicts
from snowmelt.connectors.file_sink import FileSink
from snowmelt.connectors.output_lines import Lines
from snowmelt.connectors.output_progress import load, settle_outputs
from snowmelt.connectors.output_writer import OutputWriter
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.iglu.repository import Absence
from snowmelt.settings_connectors import FilesOutput
from snowmelt.stores.event_log import Kind, Record
from snowmelt.stores.failed_events import Failed, Filter
from strict_machine import ORDER, Strict, with_order


class Output:
    """An output of a machine that refuses what it has no schema for; it looks for schemas by itself."""

    def __init__(self, strict: Strict, folder: Path) -> None:
        self._log, self._folder = strict.machine.log, folder / "out"
        settings = {"type": "files", "name": "lake", "folder": self._folder, "gzip": False, "format": "enriched-json"}
        self._settings = FilesOutput.model_validate(settings)
        settle_outputs(self._log, [self._settings])
        self.lines = Lines("enriched-json", Enricher(validator=strict.gate()), EngineVerdicts(strict.machine.failed))

    def write(self, records: int | None = None) -> None:
        """Write up to some place in the log, by default all of it."""
        goal = self._log.head() if records is None else records
        writer = OutputWriter("lake", self._log, self.lines, lambda files: FileSink(self._settings, files))
        writer.run(lambda: load(self._log, "lake").position >= goal)

    @property
    def position(self) -> int:
        return load(self._log, "lake").position

    def users(self) -> list[str]:
        return [json.loads(line)["user_id"] for line in self._all("good")]

    def failures(self) -> int:
        return len(self._all("failed"))

    def _all(self, stream: str) -> list[str]:
        return [line for path in sorted((self._folder / stream).iterdir()) for line in path.read_text().splitlines()]


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Strict]:
    one = Strict(tmp_path, duplicate_hours=0)
    yield one
    one.machine.close()


@pytest.fixture
def output(strict: Strict, tmp_path: Path) -> Output:
    return Output(strict, tmp_path)


def test_who_asks_twice_gets_one_line(strict: Strict, output: Output) -> None:
    machine = strict.machine
    machine.append(request(page_view("before"), with_order("u")))
    machine.run()
    output.write()
    assert (output.users(), output.failures()) == (["before"], 1)
    strict.shelf.has[ORDER] = schema()
    for _ in range(3):
        strict.replay()
    machine.run()
    strict.replay(Filter())
    machine.run()
    output.write()
    assert machine.value(1, "u") == 1
    assert (output.users(), output.failures()) == (["before", "u"], 1)


def test_a_replay_waits_for_the_engine(strict: Strict, output: Output) -> None:
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    strict.have_schema()
    strict.replay()
    place = machine.log.head()
    machine.append(request(page_view("after")))
    output.write(place - 1)
    [record] = machine.log.read(place - 1, 1)
    assert output.lines.of(record) is None
    assert (output.position, output.failures()) == (place - 1, 1)
    machine.run()
    output.write()
    assert output.users() == ["u", "after"]


def test_what_fails_again_is_not_there_a_second_time(strict: Strict, output: Output) -> None:
    machine = strict.machine
    machine.append(request(with_order("u")))
    machine.run()
    strict.replay()
    machine.run()
    # Good by now, but not when the engine tried it.
    strict.have_schema()
    output.write()
    assert machine.value(1, "u") is None
    assert output.failures() == 1
    strict.replay()
    machine.run()
    output.write()
    assert (output.users(), output.failures()) == (["u"], 1)


def test_an_output_that_is_behind_writes_what_the_engine_refused_once(strict: Strict, output: Output) -> None:
    machine = strict.machine
    machine.append(request(page_view("before"), with_order("u")))
    machine.append(request(with_order("v")))
    machine.run()
    strict.have_schema()
    strict.replay(Filter(until=machine.now + 1))
    machine.run()
    output.write()
    assert sorted(output.users()) == ["before", "u", "v"]
    assert output.failures() == 2


def test_a_whole_request_that_the_engine_could_not_read(
    strict: Strict, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = strict.machine

    def break_down(*arguments: object) -> None:
        raise RuntimeError("a bug that is mended later")

    with monkeypatch.context() as patch:
        patch.setattr("snowmelt.enrichment.pipeline._collector_facts", break_down)
        machine.append(request(page_view("u"), page_view("v")))
        machine.run()
    strict.replay()
    machine.run()
    output.write()
    assert (output.users(), output.failures()) == (["u", "v"], 1)


def test_an_output_waits_for_schemas_as_the_engine_does(strict: Strict, output: Output) -> None:
    machine = strict.machine
    strict.lose_schema(Absence("unreachable", "status 500", since=strict.clock.now))
    machine.append(request(with_order("u")))
    [record] = machine.log.read(machine.log.head() - 1, 1)
    assert output.lines.of(record) is None
    strict.have_schema()
    machine.run()
    output.write()
    assert (output.users(), output.failures()) == (["u"], 0)


def test_a_replay_that_nobody_can_handle_holds_up_nothing(strict: Strict, output: Output) -> None:
    machine = strict.machine
    machine.log.append([(Kind.REPLAY, machine.now, b"\xc1")])
    machine.append(request(with_order("u")))
    machine.run()
    strict.have_schema()
    strict.replay()
    place = machine.log.head()
    # As if the engine had met a bug with it: there is a failed event of the replay itself.
    machine.failed.add([Failed(place, 0, machine.now, "generic_error", "a bug", {})])
    [record] = machine.log.read(place - 1, 1)
    assert isinstance(record, Record)
    assert output.lines.of(record) == ([], [])
    output.write(place)
    assert (output.users(), output.failures()) == ([], 1)
