"""The few ASGI pieces that the doors without a framework share."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES: Final = 8 * 1024**2
"""Bodies above this are answered 413: a thousand identifiers of a hundred keys fit many times."""

encode_json: Final = msgspec.json.Encoder().encode
"""JSON as the API writes it: compact, NaN and infinities as null."""


class BodyTooLarge(Exception):
    """The client sends more than is taken."""


class ClientGone(Exception):
    """The client hung up before its request was complete."""


async def read_body(receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole request body.

    Raises:
        BodyTooLarge: it is longer than ``limit`` bytes.
        ClientGone: it never became complete.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise BodyTooLarge
        return body
    chunks = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


async def send_body(
    send: Send, status: int, body: bytes, content_type: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Answer with ``body``."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Answer with ``body``, which is JSON already."""
    await send_body(send, status, body, b"application/json", headers)


async def send_error(send: Send, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Answer an error under both names that clients look for."""
    await send_json(send, status, encode_json({"error": text, "detail": text}), headers)
