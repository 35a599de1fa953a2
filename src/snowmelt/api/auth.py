"""Who may call: holders of the one bearer token."""

import hmac
from typing import Final

from snowmelt.api.asgi import Scope

CHALLENGE: Final = ((b"www-authenticate", b"Bearer"),)
MISSING: Final = "No bearer token. Send the header 'Authorization: Bearer <token>'; 'snowmelt token' prints it."
UNKNOWN: Final = "Unknown bearer token. 'snowmelt token' prints the one this server takes."


class BearerToken:
    """Checks the ``Authorization`` header of a request.

    >>> token = BearerToken("secret")
    >>> token.refusal({"headers": [(b"authorization", b"Bearer secret")]})
    >>> token.refusal({"headers": []}) == MISSING
    True
    """

    def __init__(self, token: str) -> None:
        if not token:
            raise ValueError("the bearer token must not be empty")
        self._token = token.encode()

    def refusal(self, scope: Scope) -> str | None:
        """Why the request is not let in, or None if it is. Takes equally long for every wrong token."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[:7].lower() != b"bearer ":
                    return MISSING
                return None if hmac.compare_digest(value[7:].strip(), self._token) else UNKNOWN
        return MISSING
