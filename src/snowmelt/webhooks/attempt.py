"""One attempt to hand a message over, and what came of it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self

import httpcore
import httpx

from snowmelt import __version__
from snowmelt.stores.webhooks import Endpoint
from snowmelt.webhooks.guard import ForbiddenAddress, ForbiddenUrl, GuardedBackend, check_url
from snowmelt.webhooks.signature import signed_headers

MOST_ANSWER_BYTES: Final = 16 * 1024
"""Of an answer that is longer nothing more is read; its connection is not used again."""
GONE: Final = 410
KEPT_OPEN_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt.

    Args:
        taken: the endpoint has it.
        reason: what the endpoint answered, or what hindered it from answering.
        gone: the endpoint wants nothing any more.
        wait: seconds that the endpoint asks to wait.
        status: that it answered; 0 if it did not.
    """

    taken: bool
    reason: str
    gone: bool = False
    wait: float = 0.0
    status: int = 0


class Sender:
    """Posts signed messages; follows no redirect, uses no proxy, keeps no cookies.

    Args:
        allow_private: whether endpoints may be on addresses that are not public.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=KEPT_OPEN_SECONDS,
            network_backend=GuardedBackend(allow_private),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.aclose()

    async def send(self, endpoint: Endpoint, message_id: str, body: bytes) -> Outcome:
        """Post a message once, in at most the endpoint's time, whatever happens meanwhile.

        Args:
            endpoint: where to.
            message_id: the intervention's.
            body: JSON.
        """
        try:
            check_url(endpoint.url, self._allow_private)
            async with asyncio.timeout(endpoint.timeout):
                return await self._post(endpoint, message_id, body)
        except (ForbiddenUrl, ForbiddenAddress) as error:
            return Outcome(False, f"not sent: {error}")
        except (TimeoutError, httpcore.TimeoutException):
            return Outcome(False, f"no answer in {endpoint.timeout:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            return Outcome(False, f"{type(error).__name__}: {error}".rstrip(": ")[:200])

    def trace_headers(self) -> dict[str, str]:
        """Headers that tell the receiver which trace the attempt belongs to; none if it is not traced."""
        return {}

    async def _post(self, endpoint: Endpoint, message_id: str, body: bytes) -> Outcome:
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": f"snowmelt/{__version__}",
            "accept": "*/*",
            **self.trace_headers(),
            **signed_headers(endpoint.secret, message_id, int(time.time()), body),
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        # A host header is made by the pool out of the URL.
        async with self._pool.stream("POST", endpoint.url, headers=encoded, content=body) as answer:
            size = 0
            async for piece in answer.aiter_stream():
                size += len(piece)
                if size > MOST_ANSWER_BYTES:
                    break
            status = answer.status
            asked = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
        wait = asked_seconds(asked.decode("latin-1"), time.time())
        return Outcome(200 <= status < 300, f"answered {status}", status == GONE, wait, status)


def asked_seconds(text: str, now: float) -> float:
    """The seconds that a ``Retry-After`` header asks to wait; 0 if it says nothing that can be understood.

    >>> asked_seconds("120", 0.0), asked_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 0.0), asked_seconds("soon", 0.0)
    (120.0, 60.0, 0.0)
    """
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.fromtimestamp(now, UTC)).total_seconds(), 0.0)
