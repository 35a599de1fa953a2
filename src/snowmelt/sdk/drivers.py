"""The only place of the client that touches sockets and clocks: it performs the steps of a flow.

The two drivers differ in one word, ``await``; whatever decides something is in the session and the calls.
"""

import asyncio
import time
from typing import TypeVar

import httpx

from snowmelt.sdk.messages import Response
from snowmelt.sdk.session import Failure, Flow, Outcome, Send, Step

TIMEOUT = 30.0
LONGEST_CONNECT = 5.0
# Servers close idle connections after five seconds or more; a write that meets the close is not repeated.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
T = TypeVar("T")


class Driver:
    """Runs flows over a pool of connections.

    Args:
        timeout: Seconds for each phase of a request; connecting never gets more than five.
        transport: Replaces the network, for tests and special routes.
        client: A client of your own; it is then not closed here, and brings its own transport.
    """

    def __init__(
        self,
        *,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        self._timeout = timeout
        self._owned = client is None
        self._client = client or httpx.Client(transport=transport, limits=LIMITS)

    def run(self, flow: Flow[T]) -> T:
        """Perform every step and give the flow's result."""
        try:
            step = next(flow)
            while True:
                step = flow.send(self._perform(step))
        except StopIteration as done:
            result: T = done.value
            return result

    def _perform(self, step: Step) -> Outcome:
        if not isinstance(step, Send):
            time.sleep(step.seconds)
            return None
        try:
            return _response(self._client.send(_request(self._client, step, self._timeout)))
        except httpx.HTTPError as error:
            return _failure(error)

    def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            self._client.close()


class AsyncDriver:
    """The same for asyncio.

    Args:
        timeout: Seconds for each phase of a request; connecting never gets more than five.
        transport: Replaces the network, for tests and special routes.
        client: A client of your own; it is then not closed here, and brings its own transport.
    """

    def __init__(
        self,
        *,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._timeout = timeout
        self._owned = client is None
        self._client = client or httpx.AsyncClient(transport=transport, limits=LIMITS)

    async def run(self, flow: Flow[T]) -> T:
        """Perform every step and give the flow's result."""
        try:
            step = next(flow)
            while True:
                step = flow.send(await self._perform(step))
        except StopIteration as done:
            result: T = done.value
            return result

    async def _perform(self, step: Step) -> Outcome:
        if not isinstance(step, Send):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return _response(await self._client.send(_request(self._client, step, self._timeout)))
        except httpx.HTTPError as error:
            return _failure(error)

    async def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            await self._client.aclose()


def _request(client: httpx.Client | httpx.AsyncClient, step: Send, timeout: float) -> httpx.Request:
    seconds = timeout if step.timeout is None else min(step.timeout, timeout)
    return client.build_request(
        step.method,
        step.url,
        headers=step.headers,
        content=step.content,
        timeout=httpx.Timeout(seconds, read=seconds + step.waits, connect=min(seconds, LONGEST_CONNECT)),
    )


def _response(answer: httpx.Response) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status_code, answer.content, headers, f"{answer.request.method} {answer.request.url}")


def _failure(error: httpx.HTTPError) -> Failure:
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return Failure("timeout", error)
    if isinstance(error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError):
        return Failure("connection", error)
    return Failure("other", error)
