"""Reading a public service without a token, from a browser on any site."""

import re
from typing import Final

import msgspec

from snowmelt.api.asgi import Receive, Scope, Send
from snowmelt.api.auth import MISSING
from snowmelt.api.catalog import Catalog, Plan
from snowmelt.api.online import MalformedRequest, OnlineAttributes, ReadRequest, TokenNeeded, decode

HEADERS: Final = ((b"access-control-allow-origin", b"*"), (b"cache-control", b"no-store"))
PREFLIGHT: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST"),
    # Covers every header but Authorization, which a read without a token has no use for.
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"3600"),
    (b"content-length", b"0"),
)
MAX_BODY_BYTES: Final = 16 * 1024
"""Strangers send one identifier; a name of 128 and an identifier of 36 characters fit many times."""
UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
TOO_MUCH: Final = (
    "Without a token one attribute key with one identifier that is a UUID is read at a time: an identifier that "
    "nobody can guess. Send a token to read more."
)


class PublicAttributes:
    """The ASGI app for requests to the endpoint that carry no token.

    Only the service form, one key, one identifier that is a UUID: who knows such an identifier was given it.

    Args:
        online: computes the answer.
        catalog: what can be read.
    """

    def __init__(self, online: OnlineAttributes, catalog: Catalog) -> None:
        self._online = online
        self._catalog = catalog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": list(PREFLIGHT)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._online.serve(receive, send, self._read, HEADERS, MAX_BODY_BYTES)

    def _read(self, body: bytes) -> tuple[ReadRequest, Plan]:
        try:
            request = decode(body)
        except (msgspec.MsgspecError, RecursionError):
            raise TokenNeeded(MISSING) from None
        if request.service is None or request.attributes is not None:
            raise TokenNeeded(f"{MISSING} Without one public services can be read, and nothing else.")
        identifiers = next(iter(request.attribute_keys.values()), [])
        if len(request.attribute_keys) != 1 or len(identifiers) != 1 or not UUID.fullmatch(identifiers[0]):
            raise MalformedRequest(TOO_MUCH)
        return request, self._catalog.public_service(request.service, qualified=bool(request.full_attribute_names))
