"""The API as one ASGI app: a thin router in front, the hot doors beside the framework."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from snowmelt.api.access import CREDENTIALS, is_schema_path, needed_role
from snowmelt.api.announcer import Announcer, OnChange
from snowmelt.api.asgi import App, Message, Receive, Scope, Send, encode_json, send_error, send_json
from snowmelt.api.auth import GUESSED, Gate, Refusal, authorization
from snowmelt.api.catalog import Catalog, obstacles
from snowmelt.api.context_door import PATH as CONTEXT_PATH
from snowmelt.api.context_door import ContextDoor
from snowmelt.api.contexts import Contexts
from snowmelt.api.deliveries import PATH as INTERVENTIONS_PATH
from snowmelt.api.deliveries import Deliveries
from snowmelt.api.guessing import Guessing
from snowmelt.api.hub import Hub
from snowmelt.api.incidents import unexpected
from snowmelt.api.known_keys import KnownKeys
from snowmelt.api.later import later
from snowmelt.api.online import PATH as ONLINE_PATH
from snowmelt.api.online import OnlineAttributes
from snowmelt.api.public_reads import PublicAttributes
from snowmelt.api.reading import MakeGroupValues, NowMs, Profiles
from snowmelt.api.revisions import Revisions
from snowmelt.api.subscription_passes import Passes
from snowmelt.api.tokens import Tokens
from snowmelt.iglu.local import LocalRegistry
from snowmelt.previews.job import RunPreview
from snowmelt.settings import InterventionSettings
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.registry import Registry

if TYPE_CHECKING:
    # It needs the framework, which is imported later: see below.
    from snowmelt.api.user_data import People

PAGES: Final = frozenset({"/docs", "/openapi.json", "/health-all"})
"""What lies outside of ``/api/`` and needs no token."""


def is_api_path(path: str) -> bool:
    """Whether a request belongs to the API rather than to a neighbour on the same port.

    >>> [is_api_path(path) for path in ("/api/v1/registry/services/", "/docs/", "/health")]
    [True, True, False]
    """
    return path.startswith(("/api/", "/docs/")) or path.rstrip("/") in PAGES


def now_ms() -> int:
    """The present instant, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def create_app(
    *,
    registry: Registry,
    schemas: LocalRegistry,
    profiles: Profiles,
    group_values: MakeGroupValues,
    outbox: Outbox,
    mailboxes: Mailboxes,
    interventions: InterventionSettings,
    token: SecretStr,
    signing_secret: bytes,
    on_change: OnChange,
    log_head: Callable[[], int],
    position: Callable[[], int],
    previews: RunPreview,
    people: "People",
    trusted_proxies: Sequence[object] = (),
    clock: NowMs = now_ms,
) -> "Api":
    """Everything that is served under ``/api/``, ``/docs/``, ``/openapi.json`` and ``/health-all``.

    Args:
        registry: the definitions; stays open as long as the app is used.
        schemas: the schemas of the data folder.
        profiles: stored states, for example a ``ProfileReader``.
        group_values: makes what computes a group's values from a state, for example ``GroupReader``. A group
            for which it raises ``DefinitionError`` cannot be published.
        outbox: what subscribers are sent out of.
        mailboxes: how the processes tell each other that it has more.
        interventions: limits of streams.
        token: the bearer token that may do everything; others come from API keys.
        signing_secret: signs the tokens that API keys are exchanged for; at least 32 random bytes, the same in
            every process that is to take them.
        on_change: called with ``Registry.snapshot()`` after every committed change, before the change is
            answered, one call at a time, from any thread. If it raises, the answer is a 503 that says the
            definition is stored.
        log_head: the place of the last record in the event log.
        position: the place in the event log that the profiles include.
        previews: computes what a definition would have given over recent events.
        people: finds and erases what is held of somebody.
        trusted_proxies: addresses and networks whose ``X-Forwarded-For`` is believed.
        clock: the present, for values and for tokens; milliseconds since the epoch.
    """
    registry.require(partial(obstacles, group_values))
    announcer = Announcer(registry, on_change)
    revisions = Revisions(registry.revision)
    keys = KnownKeys(registry, revisions)
    tokens = Tokens(signing_secret, registry.api_keys.organization(), lambda: clock() / 1000)

    def framework() -> App:
        # Importing it takes longer than all the rest of the start together.
        from snowmelt.api.flush import Progress
        from snowmelt.api.framework import framework_app

        progress = Progress(log_head, position)
        return framework_app(
            registry, schemas, profiles, announcer, keys, tokens, progress, previews, passes, deliveries.targets, people
        )

    catalog = Catalog(registry, group_values)
    online = OnlineAttributes(catalog, profiles, revisions, clock)
    contexts = Contexts(catalog, profiles, revisions, clock)
    gate = Gate(token.get_secret_value(), keys, tokens, Guessing(trusted_proxies))

    def attribute_keys() -> frozenset[str]:
        catalog.refresh(revisions.now())
        return catalog.keys

    def reads(scope: Scope) -> bool:
        header = authorization(scope)
        return header is not None and gate.refusal(header, "reader") is None

    passes = Passes(signing_secret, tokens.organization, tokens.clock)
    deliveries = Deliveries(Hub(outbox, mailboxes), attribute_keys, interventions, passes, reads)
    return Api(framework, online, PublicAttributes(online, catalog), contexts, deliveries, gate, keys)


class Api:
    """Sends each request to its door, after the token check.

    The framework is built in the background while the hot doors are open already; requests for it that come
    earlier wait.

    Args:
        framework: builds the app that serves everything but the hot doors.
        online: serves ``POST /api/v1/get-online-attributes``.
        public: serves the same without a token, and preflights for it.
        contexts: reads event logs, for ``GET /api/v1/event_log``.
        deliveries: serves ``/api/v1/interventions``.
        gate: who may call.
        keys: the API keys, in use until the end.
    """

    def __init__(
        self,
        framework: Callable[[], App],
        online: OnlineAttributes,
        public: App,
        contexts: Contexts,
        deliveries: Deliveries,
        gate: Gate,
        keys: KnownKeys,
    ) -> None:
        self._build = framework
        self._building: asyncio.Task[App] | None = None
        self._built: App | None = None
        self.online = online
        self._public = public
        self.contexts = contexts
        self._context_door = ContextDoor(contexts)
        self.gate = gate
        self.deliveries = deliveries
        self._keys = keys

    async def prepare(self) -> None:
        """Build the framework, if that is not done. A server need not wait for it before it opens."""
        if self._built is None:
            if self._building is None:
                self._building = asyncio.create_task(asyncio.to_thread(self._build))
            # Who gives up waiting must not take the app away from the others.
            self._built = await asyncio.shield(self._building)

    async def settle(self) -> None:
        """Finish what goes on beside requests; to be awaited before the stores are closed."""
        self.deliveries.close()
        await self._keys.settle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        preparing: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.deliveries.open()
                preparing = asyncio.create_task(self.prepare())
                await send({"type": "lifespan.startup.complete"})
            else:
                self.deliveries.end_streams()
                if preparing is not None:
                    await asyncio.gather(preparing, return_exceptions=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        # Collections are asked for with and without a slash, and some clients follow no redirects.
        if path.endswith("/") and path != "/":
            path = path.rstrip("/") or "/"
            # In place, so that whoever traces the request finds in it which route took it.
            scope["path"], scope["raw_path"] = path, path.encode()
        method: str = scope["method"]
        needed = needed_role(method, path)
        if needed is not None:
            header = authorization(scope, also_key=is_schema_path(path))
            if path == ONLINE_PATH and (method == "OPTIONS" or (method == "POST" and header is None)):
                await self._public(scope, receive, send)
                return
            try:
                refusal = self.gate.refusal(header, needed, scope)
            except Exception as error:
                await send_json(send, 500, encode_json(unexpected(error, method, path)))
                return
            if refusal is not None:
                await send_error(send, refusal.status, refusal.text, refusal.headers)
                return
        elif CREDENTIALS.fullmatch(path):
            await self._exchange(scope, receive, send)
            return
        if path == ONLINE_PATH:
            await self.online(scope, receive, send)
        elif path == CONTEXT_PATH:
            await self._context_door(scope, receive, send)
        elif path == INTERVENTIONS_PATH:
            await self.deliveries(scope, receive, send)
        else:
            await self._framework(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a key exchanged, and count it as a guess if it is none."""
        wait = self.gate.guessing.wait(scope)
        if wait is not None:
            refusal = Refusal(429, GUESSED, wait)
            await send_error(send, refusal.status, refusal.text, refusal.headers)
            return

        async def watched(message: Message) -> None:
            if message.get("status") == 401:
                self.gate.guessing.note(scope)
            await send(message)

        await self._framework(scope, receive, watched)

    async def _framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        missing = later(scope["path"])
        if missing is not None:
            await send_error(send, 501, missing)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.prepare()
            assert self._built is not None
            await self._built(scope, receive, watched)
        except Exception as error:
            # The framework answers and logs what its operations raise, and raises it again.
            if not started:
                body = unexpected(error, scope["method"], scope["path"])
                await send_json(send, 500, encode_json(body))
