"""An output into files: every event of a tracker once, whatever dies and whenever."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machine import MB, NOW, page_view, request
from snowmelt.connectors import output_writer as module
from snowmelt.connectors.engine_verdicts import EngineVerdicts
from snowmelt.connectors.file_sink import FileSink
from snowmelt.connectors.output_lines import Lines
from snowmelt.connectors.output_progress import all_progress, load, settle_outputs, trim_log
from snowmelt.connectors.output_writer import OutputWriter
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events import tsv
from snowmelt.events.payload import SizeViolation
from snowmelt.settings_connectors import FilesOutput
from snowmelt.stores.errors import NoteMovedError
from snowmelt.stores.event_log import EventLog, Kind, encode_payload
from snowmelt.stores.failed_events import FailedEvents


class Died(BaseException):
    """Stands for the death of the process."""


class Out:
    """A log and an output of it in a folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder / "out"
        usual = {"type": "files", "name": "lake", "folder": self.folder, "gzip": False}
        self.settings = FilesOutput.model_validate(usual | settings)
        self.log = EventLog(folder / "log", map_size=64 * MB)
        self.failed = FailedEvents(folder / "failed.sqlite")
        self.now = NOW
        self.number = 0
        settle_outputs(self.log, [self.settings])

    def lines(self) -> Lines:
        return Lines(self.settings.format, Enricher(), EngineVerdicts(self.failed))

    def close(self) -> None:
        self.failed.close()
        self.log.close()

    def track(self, count: int = 1) -> None:
        """Events of users whose names are numbers, in one request each."""
        payloads = [request(page_view(f"{self.number + each}")) for each in range(count)]
        self.number += count
        self.log.append([(Kind.PAYLOAD, NOW, encode_payload(payload)) for payload in payloads])

    def write(self) -> None:
        """Write until nothing is left."""
        writer = OutputWriter(
            "lake", self.log, self.lines(), lambda files: FileSink(self.settings, files, lambda: self.now)
        )
        writer.run(lambda: load(self.log, "lake").position == self.log.head())

    def files(self, stream: str = "good") -> list[Path]:
        return sorted((self.folder / stream).iterdir())

    def users(self) -> list[str]:
        """The users of all lines, in order."""
        found = []
        for path in self.files():
            data = gzip.decompress(path.read_bytes()) if ".gz" in path.name else path.read_bytes()
            found += [tsv.decode(line)["user_id"] for line in data.decode().splitlines()]
        return found


@pytest.fixture
def make_out(tmp_path: Path) -> Iterator[Callable[..., Out]]:
    made: list[Out] = []

    def make(**settings: Any) -> Out:
        made.append(Out(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("compressed", [False, True])
def test_files_grow_are_finished_and_followed_by_the_next(make_out: Callable[..., Out], compressed: bool) -> None:
    out = make_out(rotate_minutes=10, gzip=compressed)
    ending = ".tsv.gz" if compressed else ".tsv"
    out.track(3)
    out.write()
    [growing] = out.files()
    assert growing.name == f"lake-20260101T000000Z-000000000001{ending}.part"
    out.track(2)
    out.write()
    assert out.files() == [growing]
    out.now += 600_000
    out.track(1)
    out.write()
    [finished] = out.files()
    assert finished.name == growing.name.removesuffix(".part")
    out.track(2)
    out.write()
    assert [path.name for path in out.files()] == [
        finished.name,
        f"lake-20260101T001000Z-000000000007{ending}.part",
    ]
    assert out.users() == [str(number) for number in range(8)]


def test_a_file_is_finished_when_it_is_large(make_out: Callable[..., Out]) -> None:
    out = make_out(rotate_mb=0.001)
    for _ in range(2):
        out.track(10)
        out.write()
    assert [path.suffix for path in out.files()] == [".tsv", ".tsv"]


def test_json_and_failed_events(make_out: Callable[..., Out]) -> None:
    out = make_out(format="enriched-json")
    out.track()
    out.log.append([(Kind.PAYLOAD, NOW, encode_payload(request({"e": "pv"}))), (Kind.PAYLOAD, NOW, b"\xc1")])
    # What comes from elsewhere does not go out again.
    out.log.append([(Kind.EVENTS, NOW, b'{"user_id":"x"}'), (Kind.DEFINITIONS, NOW, b"{}")])
    out.write()
    [good], [failed] = out.files("good"), out.files("failed")
    assert [json.loads(line)["user_id"] for line in good.read_text().splitlines()] == ["0"]
    assert good.name.endswith(".jsonl.part")
    schemas = [json.loads(line)["schema"] for line in failed.read_text().splitlines()]
    assert [schema.split("/")[1] for schema in schemas] == ["tracker_protocol_violations", "generic_error"]
    [progress] = all_progress(out.log)
    assert (progress.events, progress.failed, progress.position) == (1, 2, out.log.head())


@given(deaths=st.lists(st.tuples(st.sampled_from(["note", "sync", "turn", "rename"]), st.integers(0, 3)), max_size=4))
def test_every_line_is_there_once_whenever_the_writer_dies(
    deaths: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = Out(tmp_path_factory.mktemp("out"), gzip=True, rotate_mb=0.001)
    for where, after in deaths:
        out.track(4)
        with pytest.MonkeyPatch.context() as patched:
            _die(patched, where, after)
            with suppress(Died):
                out.write()
    out.track(4)
    out.write()
    assert out.users() == [str(number) for number in range(4 * len(deaths) + 4)]
    out.close()


def _die(patched: pytest.MonkeyPatch, where: str, after: int) -> None:
    """Die at the n-th time that something is done, half of the times when it is done, else before."""
    holder, name = {
        "note": (module._Session, "_note"),
        "sync": (FileSink, "sync"),
        "turn": (FileSink, "turn"),
        "rename": (Path, "rename"),
    }[where]
    whole, left = getattr(holder, name), after

    def dies(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Died
        result = whole(*arguments)
        if left == -1:
            raise Died
        return result

    patched.setattr(holder, name, dies)


def test_two_writers_of_one_output_do_not_go_on(make_out: Callable[..., Out]) -> None:
    out = make_out()
    session = module._Session("lake", out.log, out.lines(), lambda f: FileSink(out.settings, f))
    out.track()
    out.write()
    with pytest.raises(NoteMovedError, match="output note of lake"):
        session.run(lambda: True)
    session.sink.close()


def test_an_output_gets_what_comes_after_it_was_set_up(make_out: Callable[..., Out], tmp_path: Path) -> None:
    out = make_out()
    out.track(2)
    second = FilesOutput(type="files", name="second", folder=tmp_path)
    settle_outputs(out.log, [out.settings, second])
    assert {each.name: each.position for each in all_progress(out.log)} == {"lake": 0, "second": 2}
    settle_outputs(out.log, [second])
    assert [each.name for each in all_progress(out.log)] == ["second"]


def test_the_log_waits_for_an_output_but_not_for_ever(make_out: Callable[..., Out]) -> None:
    out = make_out(keep_hours=2)
    hour = 3_600_000
    out.track(3)
    out.write()
    out.track(4)
    assert trim_log(out.log, 5, hour, NOW + hour // 2, [out.settings]) == 0
    assert trim_log(out.log, 5, hour, NOW + hour + 1, [out.settings]) == 3
    # Nobody waits for an output that was taken out of the settings.
    assert trim_log(out.log, 4, hour, NOW + hour + 1, []) == 1
    assert trim_log(out.log, 6, hour, NOW + 2 * hour + 1, [out.settings]) == 2
    out.write()
    [progress] = all_progress(out.log)
    assert (progress.events, progress.missed) == (4, 3)
    assert out.users() == ["0", "1", "2", "6"]


def test_a_folder_that_cannot_be_used_is_tried_again(make_out: Callable[..., Out]) -> None:
    out = make_out()
    out.track(2)
    out.folder.write_text("in the way")
    looks = 0

    def is_stopping() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            out.folder.unlink()
        return load(out.log, "lake").position == out.log.head()

    OutputWriter("lake", out.log, out.lines(), lambda files: FileSink(out.settings, files)).run(is_stopping)
    assert out.users() == ["0", "1"]


def test_what_was_too_large_to_be_recorded_goes_out_as_failed(make_out: Callable[..., Out]) -> None:
    out = make_out()
    violation = SizeViolation(timestamp=5, maximum=10, actual=99, expectation="shorter", beginning="{")
    out.log.append([(Kind.OVERSIZE, 5, msgspec.msgpack.encode(violation))])
    out.track()
    out.write()
    assert out.users() == ["0"]
    [path] = out.files("failed")
    data = path.read_bytes()
    [line] = (gzip.decompress(data) if ".gz" in path.name else data).splitlines()
    failure = msgspec.json.decode(line)
    assert failure["schema"].split("/")[1] == "size_violation"
    assert failure["data"]["failure"]["actualSizeBytes"] == 99
