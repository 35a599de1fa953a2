"""The tokens that an API key is exchanged for: JWTs, signed with this server's own secret."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from snowmelt.errors import SnowmeltError
from snowmelt.stores.registry import StoredApiKey

LIFETIME_S: Final = 24 * 60 * 60
ALGORITHM: Final = "HS256"
ISSUER: Final = "snowmelt"
SECRET_BYTES: Final = 32
"""As many as the digest of the signature has; fewer would make it weaker."""


class ForeignToken(SnowmeltError):
    """A text that is no token of this server."""

    code = "foreign_token"


class Claims(NamedTuple):
    """What a genuine token says.

    Args:
        key_id: the API key that it was fetched with.
        expires: from when on it is refused, seconds since the epoch.
    """

    key_id: str
    expires: int


class Tokens:
    """Signs and reads tokens; every process with the same secret takes those of the others.

    The holder of the secret can make a token for any key, so it never leaves the server: one party signs and
    checks, which is what a symmetric algorithm is for.

    Args:
        secret: at least ``SECRET_BYTES`` random bytes.
        organization: the server's.
        clock: seconds since the epoch.

    >>> from datetime import UTC, datetime
    >>> key = StoredApiKey("k-1", "", "reader", "", datetime.now(UTC), None, None, None)
    >>> tokens = Tokens(b"s" * 32, "an-organization", lambda: 1_700_000_000.5)
    >>> tokens.read(tokens.issue(key))
    Claims(key_id='k-1', expires=1700086400)
    """

    def __init__(self, secret: bytes, organization: str, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"the signing secret must have {SECRET_BYTES} bytes at least")
        self._secret = secret
        self.organization = organization
        self.clock = clock

    def issue(self, key: StoredApiKey) -> str:
        """A token for a key, for a day, or until the key expires if that is sooner.

        Args:
            key: of which the caller proved to have the secret.
        """
        import jwt  # not at the top: until somebody uses an API key, no process pays for it

        now = int(self.clock())
        expires = now + LIFETIME_S
        if key.expires_at is not None:
            expires = min(expires, int(key.expires_at.timestamp()))
        claims = {
            "iss": ISSUER,
            "sub": key.id,
            "org": self.organization,
            "role": key.role,
            "iat": now,
            "exp": expires,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Claims:
        """What a token says, if this server signed it; whether it still holds is for the caller to judge.

        Raises:
            ForeignToken: it did not, or the text is no token at all.
        """
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                # Judged at every request by one clock, also for tokens that are known already.
                options={"require": ["iss", "sub", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise ForeignToken(str(error)) from error
        if claims.get("org") != self.organization:
            raise ForeignToken("the token is of another organization")
        if not isinstance(claims["exp"], int):
            raise ForeignToken("the token does not tell when it expires")
        return Claims(claims["sub"], claims["exp"])
