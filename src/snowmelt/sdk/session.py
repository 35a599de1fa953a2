"""From a call to the bytes of its requests: address, headers, token, retries. Without I/O, like the calls.

A session turns a call into a *flow*: a generator that yields steps (send this, wait so long) and is sent what
came of each. A driver (`snowmelt.sdk.drivers`) only performs the steps.
"""

import json
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from snowmelt.sdk.credentials import Credentials
from snowmelt.sdk.errors import SignalsConfigError, SignalsConnectionError, SignalsTimeoutError
from snowmelt.sdk.messages import Call, Request, Response
from snowmelt.sdk.retry import TEMPORARY, Retry, retry_after

API = "/api/v1/"


@dataclass(frozen=True, slots=True)
class Send:
    """A step: send these bytes; answered with a `Response` or a `Failure`."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    timeout: float | None
    waits: float


@dataclass(frozen=True, slots=True)
class Wait:
    """A step: let this many seconds pass; answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer came.

    Args:
        kind: ``connection``: nothing was answered, asking again may help; ``timeout``: no answer in time;
            ``other``: asking again will not help.
        error: What the HTTP library raised.
    """

    kind: Literal["connection", "timeout", "other"]
    error: Exception


T = TypeVar("T")
Step = Send | Wait
Outcome = Response | Failure | None
Flow = Generator[Step, Outcome, T]


class Session:
    """One server, one set of credentials, one retry policy; shared by every call of a client.

    Args:
        api_url: Where the server is, such as ``http://localhost:8080``; a trailing slash is ignored.
        credentials: Where the token comes from.
        retry: When to ask again.
        clock: Seconds since the epoch, now.
        rand: Where the jitter comes from.

    Raises:
        SignalsConfigError: ``api_url`` is not an http or https address.
    """

    def __init__(
        self,
        api_url: str,
        credentials: Credentials,
        *,
        retry: Retry,
        clock: Callable[[], float] = time.time,
        rand: random.Random | None = None,
    ) -> None:
        self.api_url = _checked(api_url)
        self._credentials = credentials
        self._retry = retry
        self._clock = clock
        self._random = rand or random.Random()

    def run(self, call: Call[T]) -> Flow[T]:
        """The steps of a call; its result is the call's."""
        try:
            request = next(call)
            while True:
                response = yield from self._answer(request)
                request = call.send(response)
        except StopIteration as done:
            result: T = done.value
            return result

    def _answer(self, request: Request) -> Flow[Response]:
        if not request.authorized:
            return (yield from self._repeat(request, None))
        token = yield from self.run(self._credentials.token(self._clock()))
        response = yield from self._repeat(request, token)
        if response.status == 401 and self._credentials.forget(token):
            # A token can be refused before it expires, for instance after the server got a new signing secret.
            token = yield from self.run(self._credentials.token(self._clock()))
            response = yield from self._repeat(request, token)
        return response

    def _repeat(self, request: Request, token: str | None) -> Flow[Response]:
        send = self.prepared(request, token)
        failed = 0
        while True:
            outcome = yield send
            asked_to_wait = None
            if isinstance(outcome, Response):
                if outcome.status not in TEMPORARY:
                    return outcome
                asked_to_wait = retry_after(outcome.headers.get("retry-after"), self._clock())
                again = True
            else:
                assert isinstance(outcome, Failure)
                again = outcome.kind == "connection"
            failed += 1
            pause = (
                self._retry.pause(failed, retry_after=asked_to_wait, rand=self._random)
                if again and request.repeatable
                else None
            )
            if pause is None:
                if isinstance(outcome, Response):
                    return outcome
                raise self._no_answer(send, outcome, failed) from outcome.error
            yield Wait(pause)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def prepared(self, request: Request, token: str | None) -> Send:
        """A request as it is sent.

        Args:
            request: What to ask.
            token: Goes with it, unless None.
        """
        path = request.path if request.path.startswith("/") else API + request.path
        headers = {"Accept": "application/json", "X-Signals-Sdk-Name": sdk_name(), **request.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        content = None
        if request.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
        return Send(request.method, self.api_url + path, headers, content, request.timeout, request.waits)

    def _no_answer(self, send: Send, failure: Failure, attempts: int) -> SignalsConnectionError:
        why = str(failure.error) or type(failure.error).__name__
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        what = f"{send.method} {send.url} got no answer{tried}: {why}"
        if failure.kind == "timeout":
            return SignalsTimeoutError(
                f"{what}\nIf the server may take so long, give the client a longer timeout=..., in seconds."
            )
        if failure.kind == "other":
            return SignalsConnectionError(what)
        return SignalsConnectionError(f"{what}\nIs `snowmelt serve` running at {self.api_url}?")


@cache
def sdk_name() -> str:
    """The name and version the client introduces itself with."""
    return f"snowmelt-py {metadata.version('snowmelt')}"


def _checked(api_url: str) -> str:
    try:
        parts = urlsplit(api_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SignalsConfigError(
            f"api_url must be the address of a server, such as 'http://localhost:8080', but is {api_url!r}"
        )
    if parts.query or parts.fragment:
        raise SignalsConfigError(f"api_url must have no query and no fragment, but is {api_url!r}")
    return api_url.rstrip("/")
