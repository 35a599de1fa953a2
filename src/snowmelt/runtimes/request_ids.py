"""An id for every request: in its answer, in what is logged of it, and beside what is recorded of it."""

import os
import re
from contextvars import ContextVar
from itertools import count
from typing import Final

from structlog.typing import EventDict

from snowmelt.api.asgi import App, Message, Receive, Scope, Send

HEADER: Final = b"x-request-id"
SCOPE_KEY: Final = "request_id"
"""Where the apps within find it in the scope."""

_WELL_FORMED: Final = re.compile(rb"[0-9a-fA-F-]{8,64}|[0-9A-HJKMNP-TV-Z]{26}")
"""UUIDs, the ids of proxies and of traces, ULIDs. No token and no name looks like that, for it is logged."""

# Random only once: hot paths have no time for more, and nobody gains anything by guessing one.
_OURS: Final = os.urandom(10).hex()
_numbers = count()
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def request_id(scope: Scope) -> str:
    """The id that a request brings, if it brings one that is well-formed, else a new one.

    >>> request_id({"headers": [(b"x-request-id", b"8f14e45f-ceea-467f-a9e0-1b2f3c4d5e6f")]})
    '8f14e45f-ceea-467f-a9e0-1b2f3c4d5e6f'
    >>> len(request_id({"headers": [(b"x-request-id", b"ann@example.com")]}))
    32
    """
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _WELL_FORMED.fullmatch(value) else _new()
    return _new()


def _new() -> str:
    return f"{_OURS}{next(_numbers):012x}"


def with_request_id(logger: object, method: str, fields: EventDict) -> EventDict:
    """For structlog: a line that is logged for a request carries its id."""
    if (current := _current.get()) is not None:
        fields.setdefault("request_id", current)
    return fields


class RequestIds:
    """Gives each request its id before anything else looks at it.

    Args:
        app: what answers; it finds the id in the scope, and whatever it logs carries the id.

    Cost: about a microsecond a request.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = request_id(scope)
        scope[SCOPE_KEY] = own
        # A request is a task with a context of its own, so that nothing has to be taken back.
        _current.set(own)
        header = (HEADER, own.encode())

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, named)
