"""Who may call: the holder of the sandbox token, holders of API keys, and of tokens fetched with one."""

import hmac
from datetime import datetime
from typing import Final, NamedTuple

from snowmelt.api.asgi import Scope
from snowmelt.api.known_keys import KnownKeys
from snowmelt.api.tokens import Claims, ForeignToken, Tokens
from snowmelt.stores.registry import KEY_PREFIX, Role, StoredApiKey, may

Headers = tuple[tuple[bytes, bytes], ...]

CHALLENGE: Final[Headers] = ((b"www-authenticate", b"Bearer"),)
MISSING: Final = "No bearer token. Send the header 'Authorization: Bearer <token>'; 'snowmelt token' prints it."
UNKNOWN: Final = (
    "Unknown bearer token. 'snowmelt token' prints the one this server takes, or fetch one with an API key."
)
UNKNOWN_KEY: Final = "Unknown API key, or a wrong id for it. 'snowmelt token list' shows the ids that there are."
EXPIRED: Final = "The token has expired. Fetch another one with the API key."
MAX_GENUINE: Final = 4096
"""Tokens whose signature was checked and is not checked again."""


class Refusal(NamedTuple):
    """Why a request is not let in.

    Args:
        status: 401 or 403.
        text: what to do about it.
    """

    status: int
    text: str

    @property
    def headers(self) -> Headers:
        """What else the answer must say."""
        return CHALLENGE if self.status == 401 else ()


def authorization(scope: Scope, *, also_key: bool = False) -> bytes | None:
    """The ``Authorization`` header of a request, None if there is none.

    Args:
        scope: of the request.
        also_key: whether the header ``apikey``, which clients of schema registries send, does as well.
    """
    key: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            header: bytes = value
            return header
        if name == b"apikey" and also_key:
            key = b"Bearer " + value
    return key


def lapse(key: StoredApiKey, now: float) -> str | None:
    """Why a key is not in force, None if it is.

    Args:
        key: as registered.
        now: seconds since the epoch.
    """
    if key.revoked_at is not None:
        return f"The API key {key.id} was revoked on {_day(key.revoked_at)}. 'snowmelt token create' makes another one."
    if key.expires_at is not None and key.expires_at.timestamp() <= now:
        return f"The API key {key.id} expired on {_day(key.expires_at)}. 'snowmelt token create' makes another one."
    return None


class Gate:
    """Decides whether a request is let in; a microsecond or two for whoever was let in before.

    Args:
        sandbox_token: may do everything.
        keys: the API keys.
        tokens: reads what keys are exchanged for, and knows the time.
    """

    def __init__(self, sandbox_token: str, keys: KnownKeys, tokens: Tokens) -> None:
        if not sandbox_token:
            raise ValueError("the bearer token must not be empty")
        self._sandbox = sandbox_token.encode()
        self._keys = keys
        self._tokens = tokens
        self._genuine: dict[bytes, Claims] = {}

    def refusal(self, header: bytes | None, needed: Role) -> Refusal | None:
        """Why a request is not let in, None if it is.

        Args:
            header: its ``Authorization``, None if it has none.
            needed: the role that it must have.
        """
        if header is None or header[:7].lower() != b"bearer ":
            return Refusal(401, MISSING)
        token = header[7:].strip()
        # Takes equally long for every wrong token.
        if hmac.compare_digest(token, self._sandbox):
            return None
        return self._refusal_of(self._key_of(token), needed)

    def refusal_of_key(self, key_id: str, secret: str, needed: Role) -> Refusal | None:
        """Why a request that brings an API key itself is not let in, None if it is.

        Args:
            key_id: the key's public id.
            secret: the key.
            needed: the role that it must have.
        """
        return self._refusal_of(self._keys.proven(key_id, secret) or Refusal(401, UNKNOWN_KEY), needed)

    def _refusal_of(self, found: StoredApiKey | Refusal, needed: Role) -> Refusal | None:
        if isinstance(found, Refusal):
            return found
        reason = lapse(found, self._tokens.clock())
        if reason is not None:
            return Refusal(401, reason)
        self._keys.note_use(found.id)
        if not may(found.role, needed):
            return Refusal(403, f"This needs the role {needed}, and the API key {found.id} has the role {found.role}.")
        return None

    def _key_of(self, token: bytes) -> StoredApiKey | Refusal:
        claims = self._genuine.get(token)
        if claims is None:
            text = token.decode("latin-1")
            if text.startswith(KEY_PREFIX):
                return self._keys.by_secret(text) or Refusal(401, UNKNOWN)
            try:
                claims = self._tokens.read(text)
            except ForeignToken:
                return Refusal(401, UNKNOWN)
            if len(self._genuine) >= MAX_GENUINE:
                self._genuine.clear()
            self._genuine[token] = claims
        if claims.expires <= self._tokens.clock():
            return Refusal(401, EXPIRED)
        return self._keys.by_id(claims.key_id) or Refusal(401, UNKNOWN)


def _day(instant: datetime) -> str:
    return instant.date().isoformat()
