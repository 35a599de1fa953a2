"""``/api/v1/interventions``: pushing an intervention, and opening the stream that carries it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
import structlog

from snowmelt.api.asgi import (
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    encode_json,
    read_body,
    send_error,
    send_json,
)
from snowmelt.api.event_stream import place_of
from snowmelt.api.hub import Hub
from snowmelt.api.incidents import unexpected
from snowmelt.api.stream import Stream
from snowmelt.api.subscription_passes import Passes
from snowmelt.api.targets import MalformedTargets, Targets
from snowmelt.definitions.wire import payload
from snowmelt.settings import InterventionSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.outbox import Delivery, Target

PATH: Final = "/api/v1/interventions"
MAX_BODY_BYTES: Final = 256 * 1024
MAX_NAME, MAX_ATTRIBUTE = 128, 257
ANY_ORIGIN: Final = ((b"access-control-allow-origin", b"*"),)
NO_TOKEN: Final = "Streams of this server need a token in the query: POST /api/v1/interventions/tokens makes one."
COME_LATER: Final = (*ANY_ORIGIN, (b"retry-after", b"5"))

Status = Literal["undelivered", "success", "failure"]

log = structlog.get_logger("snowmelt.api")


class PushedIntervention(msgspec.Struct, gc=False):
    """The body of a push. An id or a target in it is passed over: the server gives them."""

    name: str
    version: int
    attributes: dict[str, Any] | None = None


_decode: Final = msgspec.json.Decoder(PushedIntervention).decode


class MalformedIntervention(Exception):
    """The body breaks a rule that its JSON types cannot say."""


class Deliveries:
    """The ASGI app of the path; who pushes has passed the token check, and who subscribes needs no token unless set.

    Args:
        hub: the streams of this process.
        keys: gives the names of the attribute keys that there are at present.
        settings: limits.
        passes: judges subscription tokens.
        reads: says whether a request carries a token that may read everything, with which no other is needed.
    """

    def __init__(
        self,
        hub: Hub,
        keys: Callable[[], frozenset[str]],
        settings: InterventionSettings,
        passes: Passes,
        reads: Callable[[Scope], bool],
    ) -> None:
        self.hub = hub
        self.targets = Targets(keys, settings)
        self._settings, self._passes, self._reads = settings, passes, reads
        # An append waits for the disk, and other requests must not.
        self._appending = ThreadPoolExecutor(1, "outbox")

    def open(self) -> None:
        """Begin to take news of other processes; to be called in the event loop."""
        self.hub.open()

    def end_streams(self) -> None:
        """End every stream, so that its subscriber comes back; whoever comes now is sent back at once."""
        self.hub.close()

    def close(self) -> None:
        """Finish the pushes under way."""
        self._appending.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "GET":
                await self._open_stream(scope, receive, send)
            elif scope["method"] == "POST":
                await self._take_push(scope, receive, send)
            else:
                await send_error(send, 405, f"Use GET or POST {PATH}.", ((b"allow", b"GET, POST"),))
        except ClientGone:
            return
        except MalformedTargets as error:
            await send_error(send, 400, str(error), ANY_ORIGIN)
        except BodyTooLarge:
            await send_error(send, 413, f"The body is longer than {MAX_BODY_BYTES} bytes.")
        except (msgspec.MsgspecError, RecursionError, MalformedIntervention) as error:
            await send_error(send, 400, f"The body is not an intervention: {error}.")
        except Exception as error:
            await send_json(send, 500, encode_json(unexpected(error, scope["method"], PATH)))

    async def _open_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        targets, last, token = self.targets.subscribed(scope["query_string"])
        if self._settings.require_token and not self._reads(scope):
            refusal = (401, NO_TOKEN) if token is None else self._passes.refusal(token, targets)
            if refusal is not None:
                await send_error(send, *refusal, ANY_ORIGIN)
                return
        if len(self.hub) >= self._settings.max_streams:
            text = f"{len(self.hub)} streams are open, and this process takes no more. Try again later."
            await send_error(send, 503, text, COME_LATER)
            return
        header = next((value for name, value in scope["headers"] if name == b"last-event-id"), None)
        # A browser that comes back by itself sends the header; its address is the one that it was opened with.
        place = place_of(last or "") if header is None else place_of(header.decode("latin-1"))
        outbox = self.hub.outbox
        after = outbox.head() if place is None else max(place, outbox.oldest_kept())
        stream = Stream(self.hub, targets, after, self._settings, send)
        if self.hub.closed:
            stream.end()
        await stream.serve(receive)

    async def _take_push(self, scope: Scope, receive: Receive, send: Send) -> None:
        targets = self.targets.pushed(scope["query_string"])
        intervention = _checked(_decode(await read_body(receive, MAX_BODY_BYTES)))
        await send_json(send, 200, encode_json({"status": await self._push(targets, intervention)}))

    async def _push(self, targets: tuple[Target, ...], intervention: PushedIntervention) -> Status:
        reachable = tuple(target for target in targets if self.targets.open_to_subscribers(target[1]))
        if not reachable:
            return "undelivered"
        new = uuid4()
        attributes = intervention.attributes or {}
        # Texts stay as they are, whatever is set: who pushes has made texts of all values, as its client demands.
        body = payload(str(new), intervention.name, intervention.version, attributes)
        try:
            append = self.hub.outbox.append
            place = await asyncio.get_running_loop().run_in_executor(
                self._appending, append, [Delivery(new, reachable, body)]
            )
        except StoreError as error:
            log.error("intervention_not_kept", error=str(error))
            return "failure"
        return "success" if await self.hub.announce([new], place) else "undelivered"


def _checked(intervention: PushedIntervention) -> PushedIntervention:
    problems = []
    if not 1 <= len(intervention.name) <= MAX_NAME:
        problems.append(f"its name has {len(intervention.name)} characters instead of 1 to {MAX_NAME}")
    if not 1 <= intervention.version < 2**31:
        problems.append("its version is not a number from 1")
    problems += [
        f"the attribute {attribute[:64]!r} has not 1 to {MAX_ATTRIBUTE} characters"
        for attribute in intervention.attributes or {}
        if not 1 <= len(attribute) <= MAX_ATTRIBUTE
    ]
    if problems:
        raise MalformedIntervention("; ".join(problems))
    return intervention
