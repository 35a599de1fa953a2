"""One question to the server and its answer, as values; and what a call is made of.

A *call* is a generator that yields a `Request`, is sent the `Response`, may ask again, and returns what its
user asked for. It never touches a socket, so the synchronous and the asynchronous client run the very same
calls, and a test can play the server by hand:

>>> def ping() -> Call[Any]:
...     response = yield Request("GET", "ping")
...     return response.json()
>>> call = ping()
>>> next(call).path
'ping'
>>> try:
...     call.send(Response(200, b'"pong"', asked="GET /api/v1/ping"))
... except StopIteration as done:
...     print(done.value)
pong
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from snowmelt.sdk.errors import SignalsAPIError, SignalsResponseError, refusal

Method = Literal["GET", "POST", "PUT", "DELETE"]
IDEMPOTENT: frozenset[str] = frozenset({"GET", "PUT", "DELETE"})
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask.

    Args:
        method: The HTTP method.
        path: Below ``/api/v1/``, or from the server's root if it starts with ``/``. Already percent-encoded.
        body: Sent as JSON unless None.
        reads: A POST that changes nothing, so that it may be repeated like a GET.
        headers: In addition to those every call carries.
        timeout: Seconds, where this one differs from the client's.
        authorized: Whether it carries the bearer token.
    """

    method: Method
    path: str
    body: Any = None
    reads: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    authorized: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm."""
        return self.reads or self.method in IDEMPOTENT


@dataclass(frozen=True, slots=True)
class Response:
    """What the server answered.

    Args:
        status: The HTTP status.
        content: The body as it came.
        headers: With lower-case names.
        asked: Method and address of the request, for messages.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: str = "The call"

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body of a success.

        Raises:
            SignalsAPIError: The status is not one of success; the subclass tells which.
            SignalsResponseError: It is, but the body is not JSON.
        """
        if self.status == 204:
            return None
        try:
            body = json.loads(self.content)
        except ValueError:
            text = self.content[:LONGEST_TEXT].decode("utf-8", "replace")
            message = f"the body is not JSON: {text!r}" if text else "the body is empty"
            if self.ok:
                raise SignalsResponseError(self.status, message, request=self.asked) from None
            raise self._refused(message) from None
        if not self.ok:
            raise self._refused(body)
        return body

    def text(self) -> str:
        """The body of a success, as text.

        Raises:
            SignalsAPIError: The status is not one of success; the subclass tells which.
            SignalsResponseError: It is, but the body is not UTF-8.
        """
        if not self.ok:
            self.json()
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise self.unexpected("the body is not UTF-8") from None

    def unexpected(self, why: str) -> SignalsResponseError:
        """The error for a body that is JSON but has another shape than this client understands."""
        return SignalsResponseError(self.status, why, request=self.asked)

    def _refused(self, message: Any) -> SignalsAPIError:
        if 300 <= self.status < 400:
            message = f"the server redirects to {self.headers.get('location')!r}; use that host as api_url"
        return refusal(self.status, message, request=self.asked)


T = TypeVar("T")
Call = Generator[Request, Response, T]
