"""The system's own Chromium, driven by Playwright; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "the tests of the shop's page need Chromium: run `scripts/system-deps tests`, which installs it with apt"


def executable() -> str:
    """The path of the browser.

    Raises:
        RuntimeError: There is none; the text says what to do.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise RuntimeError(MISSING)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window, until the context is left."""
    # A proxy for the internet has no part in this, and root has no sandbox.
    arguments = ["--no-proxy-server", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
