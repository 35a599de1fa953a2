"""The data folder: what is where in it, and its secret."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from snowmelt.settings import Settings
from snowmelt.stores.errors import StoreError


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
            raise StoreError(f"the data folder {self.path} cannot be made: {error}") from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StoreError(f"the data folder {self.path} is not writable: change its owner, or give --data-dir")
        self.log = self.path / "log"
        self.profiles = self.path / "profiles"
        self.registry = self.path / "registry.sqlite"
        self.failed_events = self.path / "failed.sqlite"
        self.bell = self.path / "engine.bell"
        self.engine_lock = self.path / "engine.lock"
        self.server_lock = self.path / "server.lock"
        self.address = self.path / "server.address"
        self._token = self.path / "sandbox.token"

    def sandbox_token(self, settings: Settings) -> str:
        """The API's bearer token: the configured one, else one that is made once and kept with mode 0600.

        Raises:
            StoreError: if the kept one was emptied, or cannot be read or written.
        """
        if settings.sandbox_token is not None:
            return settings.sandbox_token.get_secret_value()
        try:
            if not self._token.exists():
                self._make_token()
            token = self._token.read_text().strip()
        except OSError as error:
            raise StoreError(f"the token in {self._token} cannot be used: {error}") from error
        if not token:
            raise StoreError(f"the token in {self._token} is empty: remove the file, and a new token is made")
        return token

    def _make_token(self) -> None:
        # Written aside and then linked, so that nobody finds it empty and the first of two wins.
        draft = self._token.with_suffix(f".{secrets.token_hex(8)}")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
            with suppress(FileExistsError):
                os.link(draft, self._token)
        finally:
            draft.unlink(missing_ok=True)
