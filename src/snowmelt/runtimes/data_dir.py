"""The data folder: what is where in it, and its secrets."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from snowmelt.settings import Settings
from snowmelt.stores.environment import sync_path
from snowmelt.stores.errors import StoreError

SCHEMAS = "iglu"
"""Folder of the registry of schemas in a data folder."""
SIGNING_BYTES = 32
"""The least that a signing secret must have."""


class DataDir:
    """Paths inside a data folder.

    Args:
        path: the folder; made (mode 0700) if absent.

    Raises:
        StoreError: if it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the data folder {self.path} cannot be made ({error.strerror}): give a --data-dir that can be written"
            ) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StoreError(
                f"the data folder {self.path} is not writable: change its owner, mount its disk for writing, or give "
                "another --data-dir"
            )
        self.log = self.path / "log"
        self.profiles = self.path / "profiles"
        self.registry = self.path / "registry.sqlite"
        self.failed_events = self.path / "failed.sqlite"
        self.schemas = self.path / SCHEMAS
        self.outbox = self.path / "outbox"
        self.webhooks = self.path / "webhooks.sqlite"
        self.erasures = self.path / "erasures"
        self.mailboxes = self.path / "mailboxes"
        self.bell = self.path / "engine.bell"
        self.engine_lock = self.path / "engine.lock"
        self.webhook_lock = self.path / "webhooks.lock"
        self.server_lock = self.path / "server.lock"
        self.address = self.path / "server.address"
        self._token = self.path / "sandbox.token"
        self._signing = self.path / "signing.secret"

    def sizes(self) -> dict[str, int]:
        """The bytes that each store has on the disk, by its name in the folder."""
        found: dict[str, int] = {}
        for path in self.path.iterdir():
            if path.is_dir() or path.suffix == ".sqlite":
                # Some may go while we look.
                with suppress(FileNotFoundError):
                    files = path.iterdir() if path.is_dir() else self.path.glob(f"{path.name}*")
                    found[path.name.removesuffix(".sqlite")] = sum(
                        file.stat().st_blocks * 512 for file in files if file.is_file()
                    )
        return {name: size for name, size in found.items() if size}

    def sandbox_token(self, settings: Settings) -> str:
        """The API's bearer token: the configured one, else one that is made once and kept with mode 0600.

        Raises:
            StoreError: if the kept one was emptied, or cannot be read or written.
        """
        if settings.sandbox_token is not None:
            return settings.sandbox_token.get_secret_value()
        return _kept_secret(self._token)

    def signing_secret(self) -> bytes:
        """What signs the tokens that API keys are exchanged for: made once and kept with mode 0600.

        Raises:
            StoreError: as for ``sandbox_token``, or if somebody put a short one there.
        """
        secret = _kept_secret(self._signing).encode()
        if len(secret) < SIGNING_BYTES:
            raise StoreError(
                f"the secret in {self._signing} has less than {SIGNING_BYTES} bytes: remove the file, and a new one "
                "is made"
            )
        return secret


def _kept_secret(path: Path) -> str:
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_text().strip()
    except OSError as error:
        raise StoreError(f"the secret in {path} cannot be used: {error}") from error
    if not secret:
        raise StoreError(f"the secret in {path} is empty: remove the file, and a new one is made")
    return secret


def _make_secret(path: Path) -> None:
    # Written aside and then linked, so that nobody finds it empty and the first of two wins.
    draft = path.with_suffix(f".{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            # Clients are told of it at once: it must not be empty after a power cut.
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        sync_path(path.parent)
    finally:
        draft.unlink(missing_ok=True)
