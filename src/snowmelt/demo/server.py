"""A server of one's own in a child process."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import httpx

from snowmelt.errors import SnowmeltError

START_SECONDS = 30.0
STOP_SECONDS = 30.0


class DemoError(SnowmeltError):
    """The demonstration cannot go on."""

    code: ClassVar[str] = "demo"


class OwnServer:
    """``snowmelt serve`` on a data folder, running from entering the context to leaving it.

    It takes no settings from the environment or from ``snowmelt.toml``, so that it is the same everywhere.

    Args:
        data_dir: its data folder.
        port: 0 for a free one.

    Raises:
        DemoError: on entering, if it does not get ready; with what it logged.
    """

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.data_dir = data_dir.absolute()
        self._port = port
        self._log = self.data_dir / "server.log"

    def __enter__(self) -> Self:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
        command = [sys.executable, "-m", "snowmelt", "serve", "--data-dir", str(self.data_dir)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=self.data_dir,
                start_new_session=True,  # Ctrl-C is for the demonstration, which then stops its server
            )
        try:
            self._wait_ready()
            self.url = (self.data_dir / "server.address").read_text().strip()
            self.token = (self.data_dir / "sandbox.token").read_text().strip()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the server to stop and wait until it has; end it if it does not."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()

    @property
    def process_id(self) -> int:
        """Of the supervisor; the other processes are its children."""
        return self._process.pid

    def wait_caught_up(self, seconds: float = 20.0) -> None:
        """Return when everything that was acknowledged is in the profiles.

        Raises:
            DemoError: not in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            metrics = self._metrics()
            head, position = metrics["snowmelt_log_head"], metrics["snowmelt_engine_position"]
            if position >= head:
                return
            if time.monotonic() > deadline:
                raise DemoError(
                    f"the engine is still {head - position:,.0f} records behind after {seconds:g} s; "
                    f"it logged:\n{self._logged()}"
                )
            time.sleep(0.02)

    def _metrics(self) -> dict[str, float]:
        try:
            text = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).raise_for_status().text
        except httpx.HTTPError as error:
            raise DemoError(f"the server does not answer ({error}); it logged:\n{self._logged()}") from error
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def _wait_ready(self) -> None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        # The end of its output, too, makes it readable: then there is no line.
        if not ready or not self._process.stdout.readline():
            raise DemoError(f"the server did not start; it logged:\n{self._logged()}")

    def _logged(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:]) or "nothing"
