"""``/micro/``: how many events were good and bad, which, and forgetting them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from snowmelt.api.asgi import BodyTooLarge, ClientGone, Receive, Scope, Send, read_body, send_error, send_json
from snowmelt.api.auth import Gate, authorization
from snowmelt.api.incidents import unexpected
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.resolver import Resolver
from snowmelt.micro.follower import Follower
from snowmelt.micro.memory import Bad, Counts, Good, Memory

ROUTES: Final = ("/micro/all", "/micro/good", "/micro/bad", "/micro/reset")
SCHEMAS: Final = "/micro/iglu/"
OFF: Final = "This server does not remember events for tests: set micro.enabled, and start it again."
_encode = msgspec.json.Encoder().encode


class GoodFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which events are meant.

    Args:
        event_type: such as ``page_view`` or ``unstruct``.
        schema: URI of what the event is.
        contexts: URIs of entities; an event must have all of them.
        app_id: of the application.
        limit: how many at most.
    """

    event_type: str | None = None
    schema: str | None = None
    contexts: list[str] | None = None
    app_id: str | None = None
    limit: int | None = None

    def meets(self, one: Good) -> bool:
        """Whether an event is meant."""
        return (
            self.event_type in (None, one.event_type)
            and self.schema in (None, one.schema)
            and self.app_id in (None, one.app_id)
            and set(self.contexts or ()) <= set(one.contexts)
        )


class BadFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which failed events are meant.

    Args:
        vendor: of the path that they were sent to.
        version: of that path.
        app_id: of the application.
        limit: how many at most.
    """

    vendor: str | None = None
    version: str | None = None
    app_id: str | None = None
    limit: int | None = None

    def meets(self, one: Bad) -> bool:
        """Whether a failed event is meant."""
        return (
            self.vendor in (None, one.vendor)
            and self.version in (None, one.version)
            and self.app_id in (None, one.app_id)
        )


def is_micro_path(path: str) -> bool:
    """Whether a request is for this door.

    >>> [is_micro_path(path) for path in ("/micro/all", "/micro/good/", "/micro/iglu/a/b/c/1-0-0", "/micro/v1")]
    [True, True, True, False]
    """
    return path.rstrip("/") in ROUTES or path.startswith(SCHEMAS)


class MicroDoor:
    """The ASGI app of ``/micro/``.

    Args:
        prepare: makes what reads the log, and what finds schemas; called when the server starts, in a thread, for it
            may take a while. ``None`` answers that the door is closed.
        gate: who may ask; ``None`` lets everybody in.
    """

    def __init__(self, prepare: Callable[[], tuple[Follower, Resolver]] | None, gate: Gate | None) -> None:
        self._prepare, self._gate = prepare, gate
        self._prepared: tuple[Follower, Resolver] | None = None
        self._resolving = threading.Lock()

    async def prepare(self) -> None:
        """Get ready; to be awaited before the server takes events."""
        if self._prepare is not None:
            self._prepared = await asyncio.to_thread(self._prepare)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"].rstrip("/"), scope["method"]
        try:
            if self._prepared is None:
                await send_error(send, 404, OFF)
                return
            refusal = self._gate.refusal(authorization(scope), "reader", scope) if self._gate is not None else None
            if refusal is not None:
                await send_error(send, refusal.status, refusal.text, refusal.headers)
            elif method not in ("GET", "POST") or (method == "POST" and path.startswith(SCHEMAS)):
                await send_error(send, 405, f"{method} is not possible at {path}.", ((b"allow", b"GET, POST"),))
            else:
                body = await read_body(receive) if method == "POST" else b""
                status, answer = await asyncio.to_thread(self._answer, path, scope["query_string"].decode(), body)
                await send_json(send, status, answer)
        except BodyTooLarge:
            await send_error(send, 413, "The body is too long.")
        except ClientGone:
            return
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            await send_error(send, 422, f"The filter is wrong: {error}.")
        except Exception as error:
            await send_json(send, 500, _encode(unexpected(error, method, path)))

    def _answer(self, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        assert self._prepared is not None
        follower, resolver = self._prepared
        if path.startswith(SCHEMAS):
            with self._resolving:
                return _schema(resolver, path.removeprefix(SCHEMAS))
        given: dict[str, Any] = {name: values[-1] for name, values in parse_qs(query).items()}
        if path == "/micro/reset":
            return 200, _counts(follower.reset(given.get("app_id")))
        if path == "/micro/all":
            with follower.caught_up() as memory:
                return 200, _counts(memory.counts(given.get("app_id")))
        if "contexts" in given:
            given["contexts"] = parse_qs(query)["contexts"]
        sent = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
        with follower.caught_up() as memory:
            found = (_good if path == "/micro/good" else _bad)(memory, given | sent)
        return 200, b"[" + b",".join(found) + b"]"


def _good(memory: Memory, given: dict[str, Any]) -> list[bytes]:
    wanted = msgspec.convert(given, GoodFilter, strict=False)
    return list(islice((one.answer for one in reversed(memory.good) if wanted.meets(one)), _limit(wanted.limit)))


def _bad(memory: Memory, given: dict[str, Any]) -> list[bytes]:
    wanted = msgspec.convert(given, BadFilter, strict=False)
    return list(islice((one.answer for one in reversed(memory.bad) if wanted.meets(one)), _limit(wanted.limit)))


def _limit(limit: int | None) -> int | None:
    return None if limit is None else max(limit, 0)


def _counts(counts: Counts) -> bytes:
    return _encode({"total": counts.good + counts.bad, "good": counts.good, "bad": counts.bad})


def _schema(resolver: Resolver, place: str) -> tuple[int, bytes]:
    try:
        resolution = resolver.resolve(SchemaKey.parse(f"iglu:{place}"))
    except SchemaUriError as error:
        return 404, _encode({"detail": str(error)})
    if resolution.schema is not None:
        return 200, resolution.schema.text
    asked: Iterator[tuple[str, str]] = ((name, absence.message) for name, absence in resolution.absences)
    return 404, _encode({"detail": f"There is no schema iglu:{place}.", "lookups": dict(asked)})
