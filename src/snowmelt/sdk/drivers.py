"""The only place of the client that touches sockets and clocks: it performs the steps of a flow.

The two drivers differ in one word, ``await``; whatever decides something is in the session and the calls.
"""

import asyncio
import socket
import time
from contextlib import suppress
from typing import TypeVar

import httpx

from snowmelt.sdk.messages import Response
from snowmelt.sdk.session import Failure, Flow, Outcome, Send, Step

TIMEOUT = 30.0
LONGEST_CONNECT = 5.0
SILENCE = 45.0
"""Seconds; servers of streams send something at least every 15, so after three times that a connection is dead."""
# Servers close idle connections after five seconds or more; a write that meets the close is not repeated.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
# A stream keeps its connection, and must not take one from the calls.
STREAM_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
T = TypeVar("T")


class Connection:
    """An open stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._pieces = answer.iter_raw()

    def read(self) -> bytes | None:
        """Wait for more; None if the stream has ended, was cut, or has been silent for too long."""
        try:
            return next(self._pieces, None)
        except httpx.HTTPError:
            return None

    def cut(self) -> None:
        """End it from another thread, which ends a `read` that waits."""
        network = self._answer.extensions.get("network_stream")
        if network is not None:
            with suppress(OSError):
                network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; from the thread that reads."""
        with suppress(httpx.HTTPError):
            self._answer.close()


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
        shared = not self._owned or transport is not None
        self._streams = self._client if shared else httpx.Client(limits=STREAM_LIMITS)

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

    def listen(self, step: Send) -> tuple[Response | Failure, Connection | None]:
        """Open a stream: what was answered, and if it is a success the connection to read from."""
        try:
            answer = self._streams.send(_stream_request(self._streams, step, self._timeout), stream=True)
            if answer.is_success:
                return _response(answer, b""), Connection(answer)
            answer.read()
            return _response(answer), None
        except httpx.HTTPError as error:
            return _failure(error), None

    def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            self._client.close()
            self._streams.close()


class AsyncConnection:
    """The same for asyncio."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer
        self._pieces = answer.aiter_raw()

    async def read(self) -> bytes | None:
        """Wait for more; None if the stream has ended, was cut, or has been silent for too long."""
        try:
            return await anext(self._pieces, None)
        except httpx.HTTPError:
            return None

    async def close(self) -> None:
        """Close it."""
        with suppress(httpx.HTTPError):
            await self._answer.aclose()


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
        shared = not self._owned or transport is not None
        self._streams = self._client if shared else httpx.AsyncClient(limits=STREAM_LIMITS)

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

    async def listen(self, step: Send) -> tuple[Response | Failure, AsyncConnection | None]:
        """Open a stream: what was answered, and if it is a success the connection to read from."""
        try:
            answer = await self._streams.send(_stream_request(self._streams, step, self._timeout), stream=True)
            if answer.is_success:
                return _response(answer, b""), AsyncConnection(answer)
            await answer.aread()
            return _response(answer), None
        except httpx.HTTPError as error:
            return _failure(error), None

    async def close(self) -> None:
        """Close the connections, unless they belong to a client that was given."""
        if self._owned:
            await self._client.aclose()
            await self._streams.aclose()


def _request(client: httpx.Client | httpx.AsyncClient, step: Send, timeout: float) -> httpx.Request:
    seconds = timeout if step.timeout is None else min(step.timeout, timeout)
    return client.build_request(
        step.method,
        step.url,
        headers=step.headers,
        content=step.content,
        timeout=httpx.Timeout(seconds, read=seconds + step.waits, connect=min(seconds, LONGEST_CONNECT)),
    )


def _stream_request(client: httpx.Client | httpx.AsyncClient, step: Send, timeout: float) -> httpx.Request:
    patience = httpx.Timeout(SILENCE, connect=min(timeout, LONGEST_CONNECT))
    return client.build_request(step.method, step.url, headers=step.headers, timeout=patience)


def _response(answer: httpx.Response, content: bytes | None = None) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    body = answer.content if content is None else content
    return Response(answer.status_code, body, headers, f"{answer.request.method} {answer.request.url}")


def _failure(error: httpx.HTTPError) -> Failure:
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return Failure("timeout", error)
    if isinstance(error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError):
        return Failure("connection", error)
    return Failure("other", error)
