"""The supervisor: starts the engine and the web processes, restarts what dies, stops all in order."""

import errno
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import msgspec
import structlog

from snowmelt.connectors.output_progress import settle_outputs
from snowmelt.runtimes.child import EXIT_UNUSABLE, STDIN
from snowmelt.runtimes.continuity import check_continuity
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.manifest import MANIFEST
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.runtimes.tls import tls_context
from snowmelt.settings import Settings
from snowmelt.stores.checkpoint import Checkpoints
from snowmelt.stores.damage import DamagedError, damage_of
from snowmelt.stores.environment import exchanging
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileStore

STOP_SECONDS = 15
SECOND_SERVER_SECONDS = 2
"""How long a server waits for another one, which may be about to stop, to leave the data folder."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
STEADY_SECONDS = 30
MEMORY_SIGNALS = {signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT}
MEMORY_ADVICE = "a store may be damaged, or the disk may be full: `snowmelt doctor` reads every store and says which"
"""What ends a process by these: a mapped file that is shorter than it says, or not what was written."""
LOOK_SECONDS = 1.0
"""How often it looks whether somebody has added the first webhook."""

logger = structlog.get_logger("snowmelt.supervisor")


class Child:
    """One process that is to be running, and what happens to it.

    Args:
        name: for logs.
        command: its module and arguments.
        settings: sent on its standard input, which stays open as its life line.
        events: gets ``(child, "ready")`` and ``(child, "exited")``.
        fds: descriptors that it inherits.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        settings: bytes,
        events: "queue.SimpleQueue[tuple[Child | None, str]]",
        fds: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.ready = False
        self._command, self._settings, self._events, self._fds = command, settings, events, fds
        self._pause = FIRST_PAUSE
        self._started = 0.0
        self.start()

    def start(self) -> None:
        """Start the process and a thread that watches it."""
        self.ready = False
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self._fds,
            # Settings come on its standard input; no secret among them shall be handed on to what it starts itself.
            env={name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")},
            start_new_session=True,  # a Ctrl-C is the supervisor's to handle, in its order
        )
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(self._settings + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; the watcher will say so
        threading.Thread(target=self._watch, args=(self.process,), daemon=True).start()

    def pause(self) -> float:
        """Seconds to wait before starting it again: longer each time, unless it ran well for a while."""
        if time.monotonic() - self._started > STEADY_SECONDS:
            self._pause = FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return pause

    def ask_to_stop(self) -> None:
        """Tell it to finish what it began and end."""
        self.process.terminate()

    def await_end(self, seconds: float = STOP_SECONDS) -> None:
        """Wait for its end, and end it if it takes too long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            logger.error("did not stop in time, killed", child=self.name)
            self.process.kill()
            self.process.wait()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == b"ready":
                self._events.put((self, "ready"))
        process.wait()
        self._events.put((self, "exited"))


class Supervisor:
    """Runs a server until it is told to stop.

    Args:
        settings: of the server.
        on_ready: called with the server's URL and its API token once every process is ready.
        until_eof: also stop when standard input ends.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[str, str], None], *, until_eof: bool = False) -> None:
        self._data = DataDir(settings.data_dir)
        # Children have another idea of relative paths if this process ever changes its folder.
        tls = {name: path.absolute() for name in ("tls_cert", "tls_key") if (path := getattr(settings, name))}
        self._settings = settings.overridden(data_dir=self._data.path, **tls)
        self._on_ready = on_ready
        self._until_eof = until_eof
        self._events: queue.SimpleQueue[tuple[Child | None, str]] = queue.SimpleQueue()
        self._sender: list[Child] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, or until standard input ends if that was asked for; returns the exit status.

        Raises:
            StoreError: if the data folder, the address or the certificate cannot be used.
        """
        scheme = "http" if tls_context(self._settings) is None else "https"
        ProcessLock(self._data.server_lock, "server").acquire(SECOND_SERVER_SECONDS)
        self._prepare()
        listener = self._listen()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self._until_eof:
            threading.Thread(target=self._await_eof, name="life line", daemon=True).start()
        host, port = listener.getsockname()[:2]
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        secret = self._settings.sandbox_token
        fields = self._settings.model_dump(mode="json") | {
            "sandbox_token": secret.get_secret_value() if secret else None
        }
        sent = msgspec.json.encode(fields)
        engine = Child("engine", ["snowmelt.runtimes.engine_process"], sent, self._events)
        fd = listener.fileno()
        webs = [
            Child(f"web-{number}", ["snowmelt.runtimes.web", str(fd)], sent, self._events, (fd,))
            for number in range(self._settings.workers)
        ]
        connectors = [
            Child(f"{kind}-{each.name}", [f"snowmelt.runtimes.{kind}_process", each.name], sent, self._events)
            for kind, settings in (("source", self._settings.sources), ("output", self._settings.outputs))
            for each in settings
        ]
        try:
            self._start_sender(sent)
            return self._watch([engine, *webs, *connectors], url, sent)
        finally:
            listener.close()
            # First nothing new comes in, then the engine finishes; what it fires last is still posted, or waits.
            for children in ([*webs, *connectors], [engine], self._sender):
                for child in children:
                    child.ask_to_stop()
                for child in children:
                    child.await_end(STOP_SECONDS + self._settings.collector.pre_termination_seconds)
            self._data.address.unlink(missing_ok=True)

    def _watch(self, children: list[Child], url: str, sent: bytes) -> int:
        announced = False
        while True:
            try:
                child, what = self._events.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                self._start_sender(sent)
                continue
            if child is None:
                return 0
            if what == "ready":
                child.ready = True
                if not announced and all(other.ready for other in children):
                    announced = True
                    self._write_address(url)
                    self._on_ready(url, self._data.sandbox_token(self._settings))
            elif what == "due":
                child.start()
            else:
                status = child.process.returncode
                if status == EXIT_UNUSABLE and not announced and child in children:
                    return 1
                pause = child.pause()
                advice = {"advice": MEMORY_ADVICE} if -(status or 0) in MEMORY_SIGNALS else {}
                logger.error("process ended, starting it again", child=child.name, status=status, pause=pause, **advice)
                timer = threading.Timer(pause, self._events.put, [(child, "due")])
                timer.daemon = True
                timer.start()

    def _start_sender(self, sent: bytes) -> None:
        """Start the process that posts to webhooks, once somebody has added the first one."""
        if not self._sender and self._data.webhooks.exists():
            self._sender.append(Child("webhooks", ["snowmelt.runtimes.webhook_process"], sent, self._events))

    def _write_address(self, url: str) -> None:
        # Replaced as a whole: whoever looks for the server meanwhile must not find half an address.
        draft = self._data.address.with_suffix(".new")
        try:
            draft.write_text(url)
            draft.replace(self._data.address)
        except OSError as error:
            # Everything else works without it; commands on the data folder need --api-url then.
            draft.unlink(missing_ok=True)
            logger.error("the address cannot be written", path=str(self._data.address), error=str(error))

    def _await_eof(self) -> None:
        while os.read(STDIN, 4096):
            pass
        self._events.put((None, "stop"))

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._events.put((None, "stop"))

    def _prepare(self) -> None:
        """Everything that must be there before the children open it."""
        # An engine whose supervisor was killed uses the profiles until it has finished what it began.
        engine_lock = ProcessLock(self._data.engine_lock, "engine")
        engine_lock.acquire(STOP_SECONDS)
        # From here on this is no copy of another folder any more.
        (self._data.path / MANIFEST).unlink(missing_ok=True)
        stores = {"event log": self._data.log, "outbox": self._data.outbox, "profile store": self._data.profiles}
        for path in stores.values():
            with exchanging(path):
                pass  # if a server died while it put another in its place, that is finished first
        damages = damage_of(list(stores.values()))
        for what in ("event log", "outbox"):
            if found := damages.get(stores[what]):
                raise DamagedError(what, stores[what], found)
        checkpoints = Checkpoints(self._data.path)
        restored = checkpoints.recover(damages.get(self._data.profiles, ""))
        if restored is not None:
            logger.warning("profiles are rebuilt from the log", reason=checkpoints.reason, since=restored)
        store = ProfileStore(self._data.profiles, self._settings.engine.map_size)
        log = EventLog(self._data.log, self._settings.log.map_size)
        check_continuity(self._data, log, store)
        store.close()
        engine_lock.release()
        settle_outputs(log, self._settings.outputs)
        log.close()
        self._data.sandbox_token(self._settings)
        self._data.signing_secret()

    def _listen(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Web processes whose supervisor was killed keep the port until they have finished what they began; that
        # it was killed shows by the address that it left.
        deadline = time.monotonic() + (STOP_SECONDS if self._data.address.exists() else 0)
        while True:
            listener = socket.socket(family, socket.SOCK_STREAM)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((host, port))
                listener.listen(2048)
                break
            except OSError as error:
                listener.close()
                in_use = error.errno == errno.EADDRINUSE
                if not in_use or time.monotonic() > deadline:
                    advice = "is another server running there? Choose" if in_use else "choose"
                    raise StoreError(
                        f"cannot listen on {host} port {port} ({error.strerror}): {advice} another --host or --port"
                    ) from error
                time.sleep(0.05)
        listener.setblocking(False)
        return listener
