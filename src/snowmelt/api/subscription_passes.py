"""What a subscription token says, and whether it covers what a stream asks for."""

from collections.abc import Callable, Collection
from typing import Final

from snowmelt.api.tokens import ALGORITHM, ISSUER
from snowmelt.stores.outbox import Target

AUDIENCE: Final = "interventions"
"""Keeps these tokens apart from those that API keys are exchanged for: neither is taken for the other."""


class Passes:
    """Signs and judges subscription tokens; every process with the same secret takes those of the others.

    Args:
        secret: the server's signing secret.
        organization: the server's.
        clock: seconds since the epoch.

    >>> passes = Passes(b"s" * 32, "an-organization", lambda: 1_700_000_000.0)
    >>> token, expires = passes.issue([("user_id", "ann")], 60)
    >>> expires, passes.refusal(token, [("user_id", "ann")]), passes.refusal(token, [("user_id", "bob")])
    (1700000060, None, (403, 'The token does not cover all of these identifiers.'))
    """

    def __init__(self, secret: bytes, organization: str, clock: Callable[[], float]) -> None:
        self._secret, self._organization, self._clock = secret, organization, clock

    def issue(self, targets: Collection[Target], seconds: int) -> tuple[str, int]:
        """A token for some targets, and when it expires (seconds since the epoch)."""
        import jwt  # not at the top: a server that asks for no tokens does not pay for it

        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "org": self._organization,
            "iat": now,
            "exp": now + seconds,
            "targets": [list(target) for target in targets],
        }
        return jwt.encode(claims, self._secret, ALGORITHM), now + seconds

    def refusal(self, token: str, targets: Collection[Target]) -> tuple[int, str] | None:
        """Why a token does not let somebody subscribe to the targets: a status and a text; ``None`` if it does."""
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["iss", "aud", "exp"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return 401, "The token is not one that this server has made for subscriptions."
        if claims.get("org") != self._organization:
            return 401, "The token is of another organization."
        if not isinstance(claims["exp"], int) or claims["exp"] <= self._clock():
            return 401, "The token has expired: fetch another one."
        covered = {tuple(target) for target in claims.get("targets", ())}
        if not covered.issuperset(targets):
            return 403, "The token does not cover all of these identifiers."
        return None
