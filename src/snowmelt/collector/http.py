"""What the collector's pages are made of: replies, and how one is sent."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Reply(NamedTuple):
    """What is sent back.

    Args:
        status: of HTTP.
        headers: without the length.
        body: may be empty.
    """

    status: int
    headers: Headers
    body: bytes = b""

    async def send(self, send: Send, *, omit_body: bool = False) -> None:
        """Send it; a ``HEAD`` gets the length of the body that it does not get."""
        length = (b"content-length", str(len(self.body)).encode())
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers, length]})
        await send({"type": "http.response.body", "body": b"" if omit_body else self.body})


def text_reply(status: int, text: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    """A reply of plain text.

    >>> text_reply(404, b"not found").status
    404
    """
    return Reply(status, [*headers, TEXT], text)
