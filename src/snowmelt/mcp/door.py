"""``/mcp`` on the server's port: credentials first, then the protocol, which is loaded for the first agent."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from snowmelt.api.access import AGENTS, needed_role
from snowmelt.api.asgi import App, Receive, Scope, Send, encode_json, send_error, send_json
from snowmelt.api.auth import Gate, Refusal, authorization
from snowmelt.api.incidents import unexpected
from snowmelt.mcp.extra import INSTALL, is_installed

NOT_INSTALLED: Final = f"Agents cannot call this server, since an extra is not installed there: {INSTALL}"
ONLY_POST: Final = f"Agents POST to {AGENTS}; the server opens no streams and keeps no sessions."
KEY_ID: Final = b"x-api-key-id"
KEY: Final = b"x-api-key"


class Sessions(Protocol):
    """What serves the protocol, while it runs."""

    def run(self) -> AbstractAsyncContextManager[None]:
        """Serves as long as the context is open."""

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""


def is_agents_path(path: str) -> bool:
    """Whether a request is for this door.

    >>> [is_agents_path(path) for path in ("/mcp", "/mcp/", "/mcp/x")]
    [True, True, False]
    """
    return path.rstrip("/") == AGENTS


class AgentsDoor:
    """The ASGI app of ``/mcp``.

    Loading the SDK takes a second and about 30 MB, which only servers pay that agents call.

    Args:
        gate: who may call.
        build: makes what serves the protocol; called once, in a thread, for the first request that is let in.
    """

    def __init__(self, gate: Gate, build: Callable[[], Sessions]) -> None:
        self._gate = gate
        self._build = build
        self._starting: asyncio.Task[App] | None = None
        self._running: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        started = False

        async def watched(message: Scope) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await send_error(send, refusal.status, refusal.text, refusal.headers)
            elif not is_installed():
                await send_error(send, 501, NOT_INSTALLED)
            elif method != "POST":
                await send_error(send, 405, ONLY_POST, ((b"allow", b"POST"),))
            else:
                serve = await self._prepared()
                await serve(scope, receive, watched)
        except Exception as error:
            body = unexpected(error, method, AGENTS)
            if not started:
                await send_json(send, 500, encode_json(body))

    async def close(self) -> None:
        """Finish; to be awaited when no request comes any more."""
        self._closing.set()
        if self._running is not None:
            await self._running

    def _refusal(self, scope: Scope) -> Refusal | None:
        needed = needed_role(scope["method"], AGENTS)
        assert needed is not None
        header = authorization(scope)
        given = {name: value for name, value in scope["headers"] if name in (KEY_ID, KEY)}
        if header is None and len(given) == 2:
            key_id, key = (given[name].decode("latin-1").strip() for name in (KEY_ID, KEY))
            return self._gate.refusal_of_key(key_id, key, needed, scope)
        return self._gate.refusal(header, needed, scope)

    async def _prepared(self) -> App:
        if self._starting is None or (self._starting.done() and self._starting.exception()):
            self._starting = asyncio.create_task(self._start())
        # Who gives up waiting must not take it away from the others.
        return await asyncio.shield(self._starting)

    async def _start(self) -> App:
        sessions = await asyncio.to_thread(self._build)
        opened = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(sessions, opened))
        await opened
        return sessions.handle_request

    async def _run(self, sessions: Sessions, opened: asyncio.Future[None]) -> None:
        # It must be left by the task that entered it.
        try:
            async with sessions.run():
                opened.set_result(None)
                await self._closing.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)
