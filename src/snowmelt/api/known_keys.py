"""The API keys as every request needs them: in memory, as fresh as the registry."""

import asyncio
import hmac
import time
from collections.abc import Callable

import structlog

from snowmelt.api.revisions import Revisions
from snowmelt.stores.registry import Registry, StoredApiKey, digest_of
from snowmelt.stores.registry.api_keys import USE_INTERVAL

log = structlog.get_logger("snowmelt.api")


class KnownKeys:
    """Finds API keys, read again only when the registry has changed; for one event loop.

    Args:
        registry: where they are kept.
        revisions: tells when to look again.
        monotonic: seconds, for spacing the notes of use.
    """

    def __init__(
        self, registry: Registry, revisions: Revisions, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._registry = registry
        self._revisions = revisions
        self._monotonic = monotonic
        self._revision = -1
        self._by_id: dict[str, StoredApiKey] = {}
        self._by_digest: dict[str, StoredApiKey] = {}
        self._noted: dict[str, float] = {}
        self._notes: set[asyncio.Future[None]] = set()

    def by_id(self, key_id: str) -> StoredApiKey | None:
        """The key with a public id, whatever its state."""
        self._refresh()
        return self._by_id.get(key_id)

    def by_secret(self, secret: str) -> StoredApiKey | None:
        """The key that a secret is, whatever its state. Looked up by digest, so its timing tells nothing."""
        self._refresh()
        return self._by_digest.get(digest_of(secret))

    def proven(self, key_id: str, secret: str) -> StoredApiKey | None:
        """The key with a public id, if the secret is its own; takes equally long whatever is wrong."""
        key = self.by_id(key_id)
        expected = "" if key is None else key.digest
        return key if hmac.compare_digest(digest_of(secret), expected.ljust(64)) else None

    def note_use(self, key_id: str) -> None:
        """Have the use of a key written down, beside the request and not for each one."""
        now = self._monotonic()
        noted = self._noted.get(key_id)
        if noted is not None and now - noted < USE_INTERVAL.total_seconds():
            return
        self._noted[key_id] = now
        note = asyncio.get_running_loop().run_in_executor(None, self._write_note, key_id)
        # The loop itself keeps no hold on it.
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    def _write_note(self, key_id: str) -> None:
        try:
            self._registry.api_keys.note_use(key_id)
        except Exception as error:
            log.warning("key_use_not_noted", key=key_id, exc_info=error)

    async def settle(self) -> None:
        """Wait for the notes under way; to be called before the registry is closed."""
        await asyncio.gather(*self._notes)

    def _refresh(self) -> None:
        revision = self._revisions.now()
        if revision != self._revision:
            keys = self._registry.api_keys.all()
            self._by_id = {key.id: key for key in keys}
            self._by_digest = {key.digest: key for key in keys}
            self._revision = revision
