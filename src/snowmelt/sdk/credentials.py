"""How a client proves who it is: a fixed token, or a token fetched with an API key and renewed."""

import base64
import binascii
import json
from abc import ABC, abstractmethod
from urllib.parse import quote

from snowmelt.sdk.errors import SignalsApiKeyError, SignalsAuthError, SignalsConfigError
from snowmelt.sdk.messages import Call, Request

TOKEN_TIMEOUT = 5.0
RENEW_EARLY = 5.0


class Credentials(ABC):
    """Where the bearer token of a client comes from."""

    @abstractmethod
    def token(self, now: float) -> Call[str]:
        """The token to use at ``now`` (seconds since the epoch); asks the server only when it must."""

    def forget(self, token: str) -> bool:
        """Called when the server refused ``token``; True if another one can be had by asking again."""
        return False


class FixedToken(Credentials):
    """A token that never changes, such as that of a sandbox; it may be opaque.

    Args:
        token: Sent as it is.
    """

    def __init__(self, token: str) -> None:
        self._token = _sendable("sandbox_token", token)

    def token(self, now: float) -> Call[str]:
        yield from ()
        return self._token


class ApiKey(Credentials):
    """A token fetched from the credentials endpoint of the same host, kept until it expires.

    Args:
        api_key: The secret.
        api_key_id: Its public id.
        org_id: The organization, a part of the path.
    """

    def __init__(self, *, api_key: str, api_key_id: str, org_id: str) -> None:
        self._request = Request(
            "GET",
            f"/api/msc/v1/organizations/{quote(org_id, safe='')}/credentials/v3/token",
            headers={
                "X-API-Key-Id": _sendable("api_key_id", api_key_id),
                "X-API-Key": _sendable("api_key", api_key),
            },
            timeout=TOKEN_TIMEOUT,
            authorized=False,
        )
        self._current: tuple[str, float | None] | None = None

    def token(self, now: float) -> Call[str]:
        current = self._current
        if current is not None and (current[1] is None or now < current[1] - RENEW_EARLY):
            return current[0]
        response = yield self._request
        try:
            answer = response.json()
        except SignalsAuthError as refused:
            # No token was refused here, and advice about tokens would lead astray.
            raise SignalsApiKeyError(refused.status_code, refused.message, request=refused.request) from None
        token = answer.get("accessToken") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise response.unexpected("the answer has no accessToken")
        self._current = (token, expiry(token))
        return token

    def forget(self, token: str) -> bool:
        # Of several calls that one token was refused to, the first has fetched another one for all of them.
        if self._current is not None and self._current[0] == token:
            self._current = None
        return True


def _sendable(argument: str, value: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise SignalsConfigError(
            f"{argument} is empty, or has a space, a line end or a character that no HTTP header can carry; "
            f"strip what was read from a file"
        )
    return value


def expiry(token: str) -> float | None:
    """When a JWT expires, in seconds since the epoch; None if it does not say or is no JWT.

    The signature is not checked: that is the server's part.

    >>> expiry("e30.eyJleHAiOjE3MDAwMDAwMDB9.sig")
    1700000000.0
    >>> expiry("opaque") is None
    True
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    exp = payload.get("exp") if isinstance(payload, dict) else None
    return float(exp) if isinstance(exp, int | float) and not isinstance(exp, bool) else None
