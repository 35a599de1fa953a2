"""What many tests share: real servers in temporary folders, and waiting without sleeping."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from process_shop import Shop

# Enough to find what is broken on every run; HYPOTHESIS_PROFILE=nightly looks longer.
settings.register_profile("usual", max_examples=25, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=20_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

START_SECONDS = 30


def eventually(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until a condition holds; fail with its name if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)


class Server:
    """A real `snowmelt serve` on a free port of this machine."""

    def __init__(self, data_dir: Path, *arguments: str, port: int = 0) -> None:
        self.data_dir = data_dir
        self._arguments = arguments
        self._port = port
        self.log_file = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start (again) and wait for the ready line."""
        command = [sys.executable, "-m", "snowmelt", "serve", "--data-dir", str(self.data_dir)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SNOWMELT_")}
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self._port), *self._arguments],
                stdout=log,
                stderr=log,
                text=True,
                env=environment,
                cwd=self.data_dir.parent,
            )
        address = self.data_dir / "server.address"
        eventually(
            lambda: (self.process is None or self.process.poll() is not None) or self._answers(address),
            f"the server is ready; see {self.log_file}",
            START_SECONDS,
        )
        assert self.process.poll() is None, self.log_file.read_text()
        self.url = address.read_text()
        self.token = (self.data_dir / "sandbox.token").read_text().strip()
        # A restart must come back where clients look for it.
        self._port = int(self.url.rpartition(":")[2])

    def _answers(self, address: Path) -> bool:
        try:
            return httpx.get(f"{address.read_text()}/ready", timeout=2).status_code == 200
        except (OSError, httpx.HTTPError):
            return False

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        for line in httpx.get(f"{self.url}/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    def caught_up(self) -> bool:
        """Whether everything acknowledged so far is in the profiles."""
        return self.metric("snowmelt_engine_position") >= self.metric("snowmelt_log_head")

    def catch_up(self, seconds: float = 20.0) -> None:
        """Wait until everything acknowledged so far is readable."""
        eventually(self.caught_up, "the engine has caught up", seconds)

    def processes(self) -> list[int]:
        """The supervisor's process id, then its children's."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def kill(self) -> None:
        """End every process at once, as a power switch would."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> int:
        """Ask the server to stop, and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own for one test."""
    running = Server(tmp_path / "data")
    yield running
    running.stop()


@pytest.fixture
def shop(server: Server) -> Iterator[Shop]:
    """A client of the test's server, with the tutorial published."""
    client = Shop(server.url, server.token)
    client.publish()
    yield client
    client.http.close()
