"""A server with the tutorial's definitions, the shop's page on another port, and a browser."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from chromium import launched
from conftest import Server
from shop_visit import Opened
from snowmelt.demo.page import PageServer, built_page, page_config
from snowmelt.demo.tutorial import tutorial_group, tutorial_interventions, tutorial_service

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def page_folder() -> Path:
    """The built page; built if it is not what its sources are now."""
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "build_shop.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = built_page()
    assert folder is not None
    return folder


# Playwright keeps an event loop in the thread while it runs: it must end before tests of other modules begin.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def opened(page_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The shop; visitors are strangers to each other, so tests share it."""
    with ExitStack() as stack:
        server = Server(tmp_path_factory.mktemp("shop") / "data")
        stack.callback(server.close)
        server.signals.publish([tutorial_group(), tutorial_service(), *tutorial_interventions()])
        config = page_config(server.url, tutorial_interventions())
        yield Opened(server, stack.enter_context(PageServer(page_folder, config)).url)
