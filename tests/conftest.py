"""What many tests share: real servers in temporary folders, and waiting without sleeping."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from process_shop import Shop
from snowmelt import testing

pytest_plugins = ["snowmelt.testing"]

# Enough to find what is broken on every run; HYPOTHESIS_PROFILE=nightly looks longer.
settings.register_profile("usual", max_examples=25, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


def eventually(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until a condition holds; fail with its name if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)


class Server(testing.Server):
    """A server that is started at once, whose processes can be told apart, watched and killed.

    Args:
        data_dir: its folder, in which it is started.
        arguments: of ``snowmelt serve``.
        settings: what stands in its ``snowmelt.toml``.
    """

    def __init__(self, data_dir: Path, *arguments: str, settings: str = "") -> None:
        if settings:
            data_dir.mkdir()
            (data_dir / "snowmelt.toml").write_text(settings)
        # The log is not in the data folder, which holds what the documents say and nothing else.
        super().__init__(data_dir, options=arguments, log_file=data_dir.parent / f"{data_dir.name}.log")
        self.start()

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        [value] = self.metrics(name)
        return value

    def metrics(self, name: str) -> list[float]:
        """The values of a metric, one for each set of labels."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return [float(line.split()[-1]) for line in lines if re.match(rf"{name}[ {{]", line)]

    def metrics_by(self, name: str, label: str) -> dict[str, float]:
        """The values of a metric by its only label."""
        text = httpx.get(f"{self.url}/metrics").text
        found = re.findall(rf'^{name}{{{label}="([^"]*)"}} (.+)$', text, re.MULTILINE)
        return {value: float(number) for value, number in found}

    def processes(self) -> list[int]:
        """The supervisor's process id, then its children's."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def process_of(self, module: str) -> int:
        """The process id of a child that runs this module of `snowmelt.runtimes`; of the first that there is."""
        for pid in self.processes()[1:]:
            if f"snowmelt.runtimes.{module}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise ProcessLookupError(module)

    def kill(self) -> None:
        """End every process at once, as a power switch would."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own for one test."""
    running = Server(tmp_path / "data")
    yield running
    running.close()


@pytest.fixture
def shop(server: Server) -> Iterator[Shop]:
    """A client of the test's server, with the tutorial published."""
    client = Shop(server.url, server.token)
    client.publish()
    yield client
    client.http.close()
