"""A server of one's own: it starts, tells why not, and leaves nothing behind whatever happens."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snowplow_tracker import PageView

from conftest import eventually
from snowmelt import (
    Attribute,
    Event,
    Service,
    SignalsBehindError,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.testing import Server, ServerError, Visitor

pytestmark = pytest.mark.process

PAGES = StreamAttributeGroup(
    name="pages",
    attribute_key=domain_userid,
    attributes=[Attribute(name="views", type="int32", aggregation="counter", events=[Event(name="page_view")])],
    owner="you@example.com",
)
SERVICE = Service(name="pages", attribute_groups=[PAGES], owner="you@example.com")
PAGE = PageView("https://shop.example/")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """A process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    with Server() as server:
        server.signals.publish([PAGES, SERVICE])
        yield server


def test_what_was_tracked_is_read_without_waiting(shop: Server) -> None:
    """Again and again, so that luck would run out."""
    visitor = Visitor()
    tracker = shop.tracker(visitor)
    for count in range(1, 31):
        tracker.track(PAGE)
        assert shop.profile(PAGES, visitor.domain_userid) == {"views": count}
    assert shop.profile(SERVICE, visitor.domain_userid, key="domain_userid") == {"views": 30}
    with pytest.raises(ServerError, match="service pages may have groups of several keys"):
        shop.profile(SERVICE, visitor.domain_userid)


def test_definitions_are_in_force_after_a_flush(shop: Server) -> None:
    """A version that is published counts the very next event, and no earlier one."""
    visitor = Visitor()
    tracker = shop.tracker(visitor)
    for version in range(2, 8):
        group = PAGES.model_copy(update={"version": version})
        tracker.track(PAGE)
        shop.signals.publish([group])
        shop.flush()
        tracker.track(PAGE)
        assert shop.profile(group, visitor.domain_userid) == {"views": 1}


def test_an_idle_server_answers_within_milliseconds(shop: Server) -> None:
    shop.flush()
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        shop.flush()
        seconds.append(time.perf_counter() - started)
    # Usually 2 ms; room for a machine that has other things to do.
    assert min(seconds) < 0.05


def test_an_engine_that_stands_still_is_told(shop: Server) -> None:
    """How far it is behind is told, others are served meanwhile, and afterwards all is well."""
    visitor = Visitor()
    tracker = shop.tracker(visitor)
    shop.flush()
    (engine,) = [
        pid
        for pid in family(shop.process.pid)
        if b"snowmelt.runtimes.engine_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(engine, signal.SIGSTOP)
    try:
        for _ in range(3):
            tracker.track(PAGE)
        with pytest.raises(SignalsBehindError, match="still 3 records of the event log behind") as caught:
            shop.flush(timeout=0.2)
        assert caught.value.behind == 3
        assert any("the server logged" in note for note in caught.value.__notes__)
        assert shop.signals.get_service_attributes("pages", "domain_userid", visitor.domain_userid) == {"views": None}
    finally:
        os.kill(engine, signal.SIGCONT)
    assert shop.profile(PAGES, visitor.domain_userid) == {"views": 3}


def test_visitors_do_not_meet(shop: Server) -> None:
    first, second = Visitor(), Visitor()
    shop.tracker(first).track(PAGE)
    shop.tracker(second, app_id="other").track(PAGE)
    shop.tracker().track(PAGE)
    assert shop.profile(PAGES, first.domain_userid) == shop.profile(PAGES, second.domain_userid) == {"views": 1}


def test_a_temporary_server_leaves_neither_processes_nor_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), Server() as server:
        processes = family(server.process.pid)
        assert len(processes) == 3
        assert server.data_dir.is_relative_to(tmp_path)
        tracker = server.tracker()
        _ = 1 / 0
    assert not any(map(is_alive, processes))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ServerError, match=r"did not acknowledge 1 of 1 events;.*\n.*it was closed"):
        tracker.track(PAGE)


def test_a_folder_that_is_given_stays_and_it_comes_back_where_it_was(tmp_path: Path) -> None:
    visitor = Visitor()
    with Server(tmp_path / "data", options=["--workers", "2"]) as server:
        assert len(family(server.process.pid)) == 4
        server.signals.publish([PAGES])
        server.tracker(visitor).track(PAGE)
        url = server.url
        assert server.stop() == 0
        server.start()
        assert server.url == url
        server.tracker(visitor).track(PAGE)
        assert server.profile(PAGES, visitor.domain_userid) == {"views": 2}
        assert server.log_file == tmp_path / "data" / "server.log"
        assert server.log_file.read_text().count("Snowmelt is ready at") == 2
    with Server(tmp_path / "data") as server:
        assert server.profile(PAGES, visitor.domain_userid) == {"views": 2}


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"something else" * 1_000)
    server = Server(tmp_path)
    with pytest.raises(ServerError, match=r"the server did not start; it logged:\n.*registry\.sqlite"), server:
        pass
    assert server.process.returncode == 1


def test_a_server_that_is_not_ready_in_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snowmelt.testing.server.START_SECONDS", 0.0)
    server = Server()
    with pytest.raises(ServerError, match="was not ready after 0 s"), server:
        pass
    assert server.process.returncode is not None
    assert not server.data_dir.exists()


def test_settings_of_the_environment_have_no_part_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SNOWMELT_SANDBOX_TOKEN", "chosen")
    (tmp_path / "snowmelt.toml").write_text("this is no settings file")
    monkeypatch.chdir(tmp_path)
    with Server() as server:
        assert server.token != "chosen"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_when_whoever_started_it_is_killed(tmp_path: Path, how: int) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from snowmelt.testing import Server\n"
        "with Server(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.process.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            processes = family(int(owner.stdout.readline()))
            assert len(processes) == 3
        finally:
            owner.send_signal(how)
    eventually(lambda: not any(map(is_alive, processes)), "the server has noticed and is gone")
    assert not (tmp_path / "data" / "server.address").exists(), "and it stopped in good order"


def test_a_missing_tracker_is_named_with_the_command_that_installs_it(shop: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "snowplow_tracker", None)
    with pytest.raises(ServerError, match=r"needs the package snowplow-tracker .*pip install 'snowmelt\[demo\]'"):
        shop.tracker()
