"""A server of one's own in child processes, and what tests do with it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from snowmelt.definitions import AttributeGroup, Service
from snowmelt.errors import SnowmeltError
from snowmelt.sdk.client import SignalsSandbox
from snowmelt.sdk.errors import SignalsError
from snowmelt.testing.visitor import Visitor

if TYPE_CHECKING:
    from requests import Session
    from snowplow_tracker import Tracker

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOG_LINES = 20


class ServerError(SnowmeltError):
    """A server of one's own does not start, or cannot be used as asked."""

    code: ClassVar[str] = "own_server"


class Server:
    """``snowmelt serve`` from entering the context to leaving it.

    It takes no settings from the environment or from ``snowmelt.toml``, so that it is the same everywhere, and it
    stops when the program that started it ends, even if that is killed.

    Args:
        data_dir: its data folder, which stays; a temporary one that is removed in the end if absent.
        port: 0 for a free one.
        options: further ones of ``snowmelt serve``, such as ``("--workers", "2")``.
        log_file: what it logs; by default ``server.log`` in the data folder.

    Raises:
        ServerError: on entering, if it does not get ready; with what it logged.

    Costs about a second to start, some 200 MB while it runs.

    >>> with Server() as server:
    ...     server.signals.registry.list_services()
    []
    """

    data_dir: Path
    """Its data folder; known from the start on."""
    url: str
    """Of the API and of the collector, such as ``http://127.0.0.1:43121``; the same after a restart."""
    token: str
    """May do everything."""
    process: subprocess.Popen[bytes]
    """The supervisor; the other processes are its children."""

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        options: Sequence[str] = (),
        log_file: Path | None = None,
    ) -> None:
        self._given, self._port, self._options, self._log = data_dir, port, options, log_file
        self._owned = ExitStack()
        self._started = False
        self._signals: SignalsSandbox | None = None
        self._session: Session | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._owned.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start it, or start it again on the same data folder and port, and wait until it is ready.

        Raises:
            ServerError: it does not get ready.
        """
        if self._started:
            self._hang_up()  # on one that was killed
        else:
            self._make_folder()
        command = [sys.executable, "-m", "snowmelt", "serve", "--until-eof", "--data-dir", str(self.data_dir)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self._port), *self._options],
                stdin=subprocess.PIPE,  # its life line, never written to
                stdout=subprocess.PIPE,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")},
                cwd=self.data_dir,
                start_new_session=True,  # Ctrl-C is for whoever uses the server, and then stops it
            )
            self._started = True
            try:
                log.write(self._ready_line())
                self.url = (self.data_dir / "server.address").read_text().strip()
                self.token = (self.data_dir / "sandbox.token").read_text().strip()
            except BaseException:
                self.stop()
                raise
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to stop, wait until it has, and return its exit status; it can be started again.

        If it does not stop in half a minute it is killed, and ``subprocess.TimeoutExpired`` is raised.
        """
        try:
            if self.process.poll() is None:
                self.process.terminate()
            return self.process.wait(STOP_SECONDS)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._hang_up()

    def close(self) -> None:
        """Stop it for good; a temporary data folder is removed."""
        with self._owned:
            self.stop()

    @property
    def log_file(self) -> Path:
        """What the server logs, across restarts."""
        return self._log or self.data_dir / "server.log"

    @property
    def signals(self) -> SignalsSandbox:
        """A client of this server; the server closes it."""
        if self._signals is None:
            self._signals = SignalsSandbox(api_url=self.url, sandbox_token=self.token)
            self._owned.callback(self._signals.close)
        return self._signals

    def tracker(self, visitor: Visitor | None = None, *, app_id: str = "test") -> Tracker:
        """A Snowplow tracker that sends to this server, each event at once.

        When ``track`` returns, the event is on the server's disk. Nothing has to be flushed but the server, which
        :meth:`profile` does.

        Args:
            visitor: whose events they are; by default somebody new.
            app_id: of every event.

        Raises:
            ServerError: the package ``snowplow-tracker`` is missing; later by ``track``, if the server does not
                acknowledge an event.
        """
        try:
            import requests
            from snowplow_tracker import Emitter, Subject, Tracker
        except ImportError as error:
            raise ServerError(
                f"a tracker needs the package snowplow-tracker ({error}): pip install 'snowmelt[demo]'"
            ) from error
        # It tells of every request; what is worth a line is what goes wrong.
        logging.getLogger("snowplow_tracker.emitters").setLevel(logging.WARNING)
        if self._session is None:
            self._session = self._owned.enter_context(requests.Session())
            self._session.trust_env = False  # a proxy for the internet has no part in this
        emitter = Emitter(
            self.url.removeprefix("http://"),
            protocol="http",
            batch_size=1,
            request_timeout=10.0,
            on_failure=self._refused,
            session=self._session,
        )
        visitor = visitor or Visitor()
        subject = Subject().set_platform("web").set_user_id(visitor.user_id)
        subject.set_domain_user_id(visitor.domain_userid).set_domain_session_id(visitor.domain_sessionid)
        subject.set_network_user_id(visitor.network_userid)
        return Tracker("test", emitter, subject=subject, app_id=app_id)

    def flush(self, timeout: float = 10.0) -> None:
        """Return when everything that was acknowledged is readable.

        Args:
            timeout: seconds, at most 60.

        Raises:
            SignalsError: as :meth:`SignalsSandbox.flush`, with what the server logged.
        """
        try:
            self.signals.flush(timeout)
        except SignalsError as error:
            error.add_note(f"the server logged:\n{self._logged()}")
            raise

    def profile(
        self, source: AttributeGroup | Service, identifier: str, *, key: str | None = None, timeout: float = 10.0
    ) -> dict[str, Any]:
        """The attributes of an identifier, after everything that was acknowledged is in them.

        Args:
            source: a published group, or a service.
            identifier: whose attributes.
            key: the name of the attribute key, needed for a service; a group has its own.
            timeout: seconds to wait for the engine.

        Raises:
            ServerError: a service without a key.
            SignalsError: the server does not catch up, or does not know the source.
        """
        self.flush(timeout)
        if isinstance(source, AttributeGroup):
            return source.get_attributes(self.signals, identifier)
        if key is None:
            raise ServerError(
                f"the service {source.name} may have groups of several keys: say which is meant, such as "
                "key='domain_userid'"
            )
        return source.get_attributes(self.signals, key, identifier)

    def _make_folder(self) -> None:
        folder = self._given
        if folder is None:
            folder = Path(self._owned.enter_context(tempfile.TemporaryDirectory(prefix="snowmelt-"))) / "data"
        self.data_dir = folder.absolute()
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _hang_up(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _ready_line(self) -> bytes:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        # The end of its output, too, makes it readable: then there is no line.
        line = self.process.stdout.readline() if ready else b""
        if not line:
            why = "did not start" if ready else f"was not ready after {START_SECONDS:g} s"
            raise ServerError(f"the server {why}; it logged:\n{self._logged()}")
        return line

    def _refused(self, sent: int, unsent: list[dict[str, Any]]) -> None:
        raise ServerError(
            f"the server did not acknowledge {len(unsent)} of {sent + len(unsent)} events; it logged:\n{self._logged()}"
        )

    def _logged(self) -> str:
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "nothing that is left: it was closed, and its temporary folder removed"
        return "\n".join(lines[-LOG_LINES:]) or "nothing"
