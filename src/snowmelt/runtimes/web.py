"""The web process: collector, API, health and metrics on one port."""

import asyncio
import gc
import math
import resource
import signal
import socket
import sys
import time
from types import FrameType

import structlog
import uvicorn
import uvloop
from pydantic import SecretStr

from snowmelt import __version__
from snowmelt.api.app import Api, create_app, is_api_path
from snowmelt.api.asgi import Receive, Scope, Send, send_error
from snowmelt.collector.app import Collector
from snowmelt.collector.backlog import Backlog, BacklogWatch
from snowmelt.collector.writer import LogWriter
from snowmelt.compute.reader import GroupReader
from snowmelt.iglu.local import LocalRegistry
from snowmelt.mcp.door import AgentsDoor, is_agents_path
from snowmelt.mcp.serving import agents_door
from snowmelt.micro.door import MicroDoor, is_micro_path
from snowmelt.runtimes.child import STDIN, report_ready, run_child
from snowmelt.runtimes.connection import connections_within
from snowmelt.runtimes.continuity import check_registry
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.metrics import ServerMetrics
from snowmelt.runtimes.micro import micro_door
from snowmelt.runtimes.people import StoredPeople
from snowmelt.runtimes.previewer import Previewer
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.runtimes.publishing import announce
from snowmelt.runtimes.readiness import Readiness
from snowmelt.runtimes.request_ids import RequestIds
from snowmelt.runtimes.tls import tls_context
from snowmelt.runtimes.tracing import spans_of
from snowmelt.settings import Settings
from snowmelt.stores.bell import Bell
from snowmelt.stores.errors import StoreError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import ProfileReader
from snowmelt.stores.registry import Registry
from snowmelt.stores.webhooks import counts_at

DRAIN_SECONDS = 10
COLLECTOR_THRESHOLDS = 5_000, 10, 100
"""Python's cyclic garbage collector looks through everything that ten thousand streams have in a tenth of a second or
more, during which nothing is delivered: so it does that after five million new objects instead of seventy thousand."""
SWITCH_SECONDS = 0.0005
"""How long a thread, such as the log's writer, may keep the event loop waiting for the interpreter. A request lets go
of it several times, so the usual 5 ms add up."""
OTHER_FILES = 512
"""Open files that streams must leave to everything else: trackers, reads, the stores."""
OWN_FILES = 128
"""Open files that connections must leave to the stores."""
PAGES = frozenset({"/health", "/ready", "/metrics"})
"""Pages of the runtime itself. They need no token: who may reach them is for a proxy to say."""

logger = structlog.get_logger("snowmelt.web")


class Doors:
    """Sends each request to the collector, the API, the doors for agents and tests, or the runtime's own few pages."""

    def __init__(
        self,
        collector: Collector,
        api: Api,
        agents: AgentsDoor,
        micro: MicroDoor,
        metrics: ServerMetrics,
        readiness: Readiness,
    ) -> None:
        self._collector, self._api, self._agents, self._micro = collector, api, agents, micro
        self._metrics, self._readiness = metrics, readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if is_api_path(path):
            await self._api(scope, receive, send)
        elif is_micro_path(path):
            await self._micro(scope, receive, send)
        elif is_agents_path(path):
            await self._agents(scope, receive, send)
        elif path in PAGES:
            await self._page(path, send)
        elif scope["method"] == "OPTIONS" or self._collector.handles(scope["method"], path):
            await self._collector(scope, receive, send)
        else:
            await send_error(send, 404, f"there is nothing at {path}; the API is described at /docs/")

    async def _page(self, path: str, send: Send) -> None:
        if path == "/metrics":
            await _text(send, 200, self._metrics.text())
        elif path == "/health":
            await _text(send, 200, b"ok")
        elif problems := await self._readiness.problems():
            await _text(send, 503, "\n".join(problems).encode())
        elif (backlog := self._collector.backlog) is not None and backlog.refusal is not None:
            # Still ready: whoever sends everything elsewhere because of this would take the reads away, too.
            await _text(send, 200, f"ready, but tracker requests are refused: {backlog.refusal.reason}".encode())
        else:
            await _text(send, 200, b"ready")


class WebServer(uvicorn.Server):
    """Ends the streams of interventions when it stops: they would never end by themselves.

    Args:
        config: of the server.
        api: whose streams.
        pre_termination_seconds: for how long to serve on after a signal.
    """

    def __init__(self, config: uvicorn.Config, api: Api, pre_termination_seconds: float = 0.0) -> None:
        super().__init__(config)
        self._api = api
        self._notice = pre_termination_seconds
        self._stops_at = math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop when the time of notice is over: a load balancer goes on sending requests for a while."""
        if self._notice:
            self._stops_at = min(self._stops_at, time.monotonic() + self._notice)
            logger.info("stopping soon", seconds=self._notice)
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop."""
        if time.monotonic() >= self._stops_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish those that there are."""
        # The streams' last bytes are written only after this process has stopped listening, so that no subscriber
        # comes back to it.
        self._api.deliveries.end_streams()
        await super().shutdown(sockets)


def open_files() -> int:
    """Raise the limit of open files as far as allowed, and give it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return sys.maxsize if most == resource.RLIM_INFINITY else most


async def _text(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until told to stop, or until the supervisor is gone; then finish what was begun."""
    data = DataDir(settings.data_dir)
    log = EventLog(data.log, settings.log.map_size)
    profiles = ProfileReader(data.profiles, settings.engine.map_size)
    files = open_files()
    interventions = settings.interventions.model_copy(
        update={"max_streams": min(settings.interventions.max_streams, max(files - OTHER_FILES, 1))}
    )
    http = settings.http.model_copy(
        update={"max_connections": min(settings.http.max_connections, max(files - OWN_FILES, 1))}
    )
    outbox = Outbox(data.outbox, interventions.map_size, int(interventions.keep_minutes * 60_000))
    registry = Registry.open(data.registry)
    check_registry(data, registry.revision(), profiles.statistics())
    bell = Bell(data.bell)
    try:
        # A change that was stored just before a crash may not have reached the log.
        announce(log, bell, registry.snapshot())
    except StoreError as error:
        # Values can be read all the same, and the next change of a definition announces again.
        logger.error("the definitions cannot be announced", error=str(error))
    spans = spans_of(settings, "web")
    writer = LogWriter(log, bell) if spans is None else spans.writer(log, bell)
    backlog = Backlog(log, profiles.position, settings.collector)
    watch = BacklogWatch(backlog)
    collector = Collector(settings.collector, writer, f"snowmelt-{__version__}", backlog)
    api = create_app(
        registry=registry,
        schemas=LocalRegistry(data.schemas),
        profiles=profiles,
        group_values=GroupReader,
        outbox=outbox,
        mailboxes=Mailboxes(data.mailboxes),
        interventions=interventions,
        token=SecretStr(data.sandbox_token(settings)),
        signing_secret=data.signing_secret(),
        on_change=lambda snapshot: announce(log, bell, snapshot),
        log_head=log.head,
        position=profiles.position,
        trusted_proxies=settings.collector.trusted_proxies or (),
        previews=Previewer(data.log, settings),
        people=StoredPeople(data, log, bell, profiles, outbox),
    )
    host = listener.getsockname()[0]
    agents = agents_door(settings.mcp, host, registry, api)
    metrics = ServerMetrics(log, profiles, collector, api.deliveries.hub, data.sizes, lambda: counts_at(data.webhooks))
    micro = micro_door(settings, log, api.gate, host)
    await micro.prepare()

    def read_registry() -> int:
        data.registry.stat()  # what was opened can be read even if its file is gone, but not by the next start
        return registry.revision()

    engine = ProcessLock(data.engine_lock, "engine")
    readiness = Readiness(engine, writer, read_registry, metrics.lag_seconds, settings.ready)
    doors = Doors(collector, api, agents, micro, metrics, readiness)
    tls = tls_context(settings)
    config = uvicorn.Config(
        RequestIds(doors if spans is None else spans.requests(doors)),
        loop="uvloop",
        http=connections_within(http),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        # No answer is to be taken for a page because of what somebody had put into it.
        headers=[("x-content-type-options", "nosniff")],
        proxy_headers=False,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
        timeout_keep_alive=settings.collector.idle_seconds,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = WebServer(config, api, settings.collector.pre_termination_seconds)

    def stop(*signal_and_frame: object) -> None:
        server.should_exit = True

    def supervisor_gone() -> None:
        stop()
        loop.remove_reader(STDIN)

    # When uvicorn is done it raises the signal that stopped it once more, which must not end the process here.
    signal.signal(signal.SIGTERM, stop)
    loop = asyncio.get_running_loop()
    api.deliveries.open()
    loop.add_reader(STDIN, supervisor_gone)
    loop.call_soon(report_ready)
    # Reads and tracking are served at once; the slower pages are made ready beside them.
    preparing = asyncio.create_task(api.prepare())
    await server.serve(sockets=[listener])
    await preparing
    await agents.close()
    await writer.close()
    await asyncio.to_thread(watch.close)
    await api.settle()
    outbox.close()
    registry.close()
    if spans is not None:
        await asyncio.to_thread(spans.close)


def run_web(settings: Settings) -> None:
    """Serve on the listening socket whose descriptor is the first argument."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, listener))


if __name__ == "__main__":
    run_child(run_web)
