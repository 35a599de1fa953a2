"""What can go wrong with a call to a server.

The tree::

    SignalsError
    ├── SignalsAPIError            the server answered, but not with what was asked for
    │   ├── SignalsAuthError       401: who calls is not known
    │   │   ├── SignalsApiKeyError   ... the API key itself is refused
    │   │   └── SignalsForbiddenError  403: who calls may not do this
    │   ├── SignalsNotFoundError   404
    │   ├── SignalsConflictError   409
    │   ├── SignalsValidationError 422, with ``problems``
    │   ├── SignalsBusyError       429, 502, 503, 504, after the last attempt
    │   │   └── SignalsBehindError   504: what was acknowledged is not readable in time
    │   └── SignalsResponseError   a success whose body is not what this client understands
    ├── SignalsConnectionError     no answer at all
    │   └── SignalsTimeoutError    none in time
    ├── SignalsConfigError         the client was set up wrongly
    └── NotYetAvailableError       the method exists for compatibility, its feature is not built yet
"""

from typing import Any, ClassVar

from snowmelt.definitions.problems import Problem
from snowmelt.errors import SnowmeltError

LONGEST_DETAIL = 2000


class SignalsError(SnowmeltError):
    """The root of everything the client raises."""

    code: ClassVar[str] = "signals"


class SignalsAPIError(SignalsError):
    """The server answered with a refusal.

    Args:
        status_code: The HTTP status.
        message: The decoded JSON body, whatever its shape; a text if the body was not JSON.
        request: Method and address of the call, for the printed form only.

    >>> print(SignalsAPIError(400, {"detail": "no identifiers"}, request="POST http://localhost/x"))
    POST http://localhost/x was answered 400: no identifiers
    """

    code: ClassVar[str] = "api"
    advice: ClassVar[str] = ""

    def __init__(self, status_code: int, message: Any, *, request: str = "The call") -> None:
        super().__init__(status_code, message)
        self.status_code = status_code
        self.message = message
        self.request = request

    @property
    def detail(self) -> str:
        """The server's own words, without the wrapping of its body."""
        body = self.message
        if isinstance(body, dict):
            body = body.get("detail") or body.get("error") or body
        text = body if isinstance(body, str) else repr(body)
        return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}..."

    def __str__(self) -> str:
        said = f"{self.request} was answered {self.status_code}: {self.detail}"
        return f"{said}\n{self.advice}" if self.advice else said


class SignalsAuthError(SignalsAPIError):
    """The token or the key is missing, unknown, expired, revoked or not allowed to do this (401, 403)."""

    code: ClassVar[str] = "unauthorized"
    advice: ClassVar[str] = (
        "Check the credentials: `snowmelt serve` prints the sandbox token when it starts; "
        "pass it as SignalsSandbox(sandbox_token=...)."
    )


class SignalsApiKeyError(SignalsAuthError):
    """No token is given for this API key: it is unknown, revoked, expired, or of another organization."""

    code: ClassVar[str] = "api_key_refused"
    advice: ClassVar[str] = (
        "Check api_key, api_key_id and org_id: `snowmelt token list` shows the keys there are, "
        "`snowmelt token create` makes another one."
    )


class SignalsForbiddenError(SignalsAuthError):
    """The token is good, but its role does not include this call (403)."""

    code: ClassVar[str] = "forbidden"
    advice: ClassVar[str] = "Use a key with that role: `snowmelt token create --role ...` makes one."


class SignalsNotFoundError(SignalsAPIError):
    """Nothing is registered, or published, under this name or version (404)."""

    code: ClassVar[str] = "not_found"
    advice: ClassVar[str] = (
        "Check the name and that it is published: signals.publish([...]) registers and publishes at once."
    )


class SignalsConflictError(SignalsAPIError):
    """The state of the registry forbids it: published and changed, or still in use (409)."""

    code: ClassVar[str] = "conflict"
    advice: ClassVar[str] = (
        "A published version never changes: publish the new definition with a higher version. "
        "To delete, unpublish first whatever uses it."
    )


class SignalsValidationError(SignalsAPIError):
    """The server found the definition or request wrong (422); all its problems are listed at once."""

    code: ClassVar[str] = "invalid"

    @property
    def problems(self) -> list[Problem]:
        """Each thing that is wrong, its place counted from the object that was sent."""
        detail = self.message.get("detail") if isinstance(self.message, dict) else None
        if not isinstance(detail, list):
            return []
        return [_problem(item) for item in detail if isinstance(item, dict)]

    @property
    def detail(self) -> str:
        found = self.problems
        if not found:
            return super().detail
        return "\n".join([f"{len(found)} problem{'s' * (len(found) > 1)}", *(f"  {one}" for one in found)])


def _problem(item: dict[str, Any]) -> Problem:
    loc = tuple(part for part in item.get("loc") or () if isinstance(part, str | int))
    return Problem(
        loc=loc[1:] if loc[:1] == ("body",) else loc,
        msg=str(item.get("msg", "")),
        type=str(item.get("type", "")),
    )


class SignalsBusyError(SignalsAPIError):
    """The server, or a proxy before it, cannot answer now (429, 502, 503, 504)."""

    code: ClassVar[str] = "busy"
    advice: ClassVar[str] = "Try again later; `GET /ready` answers 200 once the server is up."


class SignalsBehindError(SignalsBusyError):
    """The time given to ``flush`` has passed, and not everything acknowledged before is readable yet (504).

    >>> SignalsBehindError(504, {"error": "not yet", "behind": 3}).behind
    3
    """

    code: ClassVar[str] = "behind"
    advice: ClassVar[str] = "Give it longer: flush(timeout=...), in seconds; `GET /ready` says whether the engine runs."

    @property
    def behind(self) -> int:
        """How many records of the event log were not included in the profiles."""
        return int(self.message["behind"])


class SignalsResponseError(SignalsAPIError):
    """A success whose body is not what this client understands."""

    code: ClassVar[str] = "response"
    advice: ClassVar[str] = "Does api_url point at the root of a Snowmelt or Signals server?"


class SignalsConnectionError(SignalsError):
    """No answer: the server cannot be reached or closed the connection."""

    code: ClassVar[str] = "connection"


class SignalsTimeoutError(SignalsConnectionError):
    """No answer in time."""

    code: ClassVar[str] = "timeout"


class SignalsConfigError(SignalsError, ValueError):
    """The client was set up with an argument that cannot work."""

    code: ClassVar[str] = "config"


class NotYetAvailableError(SignalsError):
    """The method exists so that code and editors know it, but its feature is not built yet."""

    code: ClassVar[str] = "not_yet_available"


_BY_STATUS: dict[int, type[SignalsAPIError]] = {
    401: SignalsAuthError,
    403: SignalsForbiddenError,
    404: SignalsNotFoundError,
    409: SignalsConflictError,
    422: SignalsValidationError,
    429: SignalsBusyError,
    502: SignalsBusyError,
    503: SignalsBusyError,
    504: SignalsBusyError,
}


def refusal(status_code: int, message: Any, *, request: str) -> SignalsAPIError:
    """The error class that belongs to a status.

    >>> type(refusal(404, {"error": "no such service"}, request="POST /x")).__name__
    'SignalsNotFoundError'
    """
    return _BY_STATUS.get(status_code, SignalsAPIError)(status_code, message, request=request)
