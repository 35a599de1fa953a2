"""Who may call: the holder of the sandbox token, holders of API keys, and of tokens fetched with one."""

import hmac
from datetime import datetime
from typing import Final, NamedTuple

from snowmelt.api.asgi import Scope
from snowmelt.api.guessing import Guessing
from snowmelt.api.known_keys import KnownKeys
from snowmelt.api.tokens import Claims, ForeignToken, Tokens
from snowmelt.stores.registry import KEY_PREFIX, Role, StoredApiKey, may

Headers = tuple[tuple[bytes, bytes], ...]

NOBODY: Final[Scope] = {"client": None, "headers": ()}
CHALLENGE: Final[Headers] = ((b"www-authenticate", b"Bearer"),)
MISSING: Final = "No bearer token. Send the header 'Authorization: Bearer <token>'; 'snowmelt token' prints it."
UNKNOWN: Final = (
    "Unknown bearer token. 'snowmelt token' prints the one this server takes, or fetch one with an API key."
)
UNKNOWN_KEY: Final = "Unknown API key, or a wrong id for it. 'snowmelt token list' shows the ids that there are."
GUESSED: Final = "Too many unknown tokens came from this address. Wait, and send one that is known."
EXPIRED: Final = "The token has expired. Fetch another one with the API key."
MAX_GENUINE: Final = 4096
"""Tokens whose signature was checked and is not checked again; and tokens that were let in lately."""


class Refusal(NamedTuple):
    """Why a request is not let in.

    Args:
        status: 401, 403 or 429.
        text: what to do about it.
        wait: seconds, of a 429.
    """

    status: int
    text: str
    wait: int = 0

    @property
    def headers(self) -> Headers:
        """What else the answer must say."""
        if self.status == 429:
            return ((b"retry-after", b"%d" % self.wait),)
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
        guessing: slows down who tries tokens.
    """

    def __init__(self, sandbox_token: str, keys: KnownKeys, tokens: Tokens, guessing: Guessing | None = None) -> None:
        if not sandbox_token:
            raise ValueError("the bearer token must not be empty")
        self._sandbox = sandbox_token.encode()
        self._keys = keys
        self._tokens = tokens
        self.guessing = Guessing() if guessing is None else guessing
        self._genuine: dict[bytes, Claims] = {}
        self._let_in: dict[bytes, None] = {}

    def refusal(self, header: bytes | None, needed: Role, scope: Scope = NOBODY) -> Refusal | None:
        """Why a request is not let in, None if it is.

        Args:
            header: its ``Authorization``, None if it has none.
            needed: the role that it must have.
            scope: tells where it comes from.
        """
        if header is None or header[:7].lower() != b"bearer ":
            return Refusal(401, MISSING)
        token = header[7:].strip()
        wait = self.guessing.wait(scope)
        # Not even the right one is believed while somebody tries many, unless it was in use before.
        if wait is not None and token not in self._let_in:
            return Refusal(429, GUESSED, wait)
        # Takes equally long for every wrong token.
        if hmac.compare_digest(token, self._sandbox):
            self._remember(token)
            return None
        return self._counted(self._refusal_of(self._key_of(token), needed), token, scope)

    def refusal_of_key(self, key_id: str, secret: str, needed: Role, scope: Scope = NOBODY) -> Refusal | None:
        """Why a request that brings an API key itself is not let in, None if it is.

        Args:
            key_id: the key's public id.
            secret: the key.
            needed: the role that it must have.
            scope: tells where the request comes from.
        """
        token = secret.encode()
        wait = self.guessing.wait(scope)
        if wait is not None and token not in self._let_in:
            return Refusal(429, GUESSED, wait)
        found = self._keys.proven(key_id, secret) or Refusal(401, UNKNOWN_KEY)
        return self._counted(self._refusal_of(found, needed), token, scope)

    def _counted(self, refusal: Refusal | None, token: bytes, scope: Scope) -> Refusal | None:
        if refusal is None:
            self._remember(token)
        elif refusal.text in (UNKNOWN, UNKNOWN_KEY):
            self.guessing.note(scope)
        return refusal

    def _remember(self, token: bytes) -> None:
        if token not in self._let_in:
            if len(self._let_in) >= MAX_GENUINE:
                self._let_in.clear()
            self._let_in[token] = None

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
