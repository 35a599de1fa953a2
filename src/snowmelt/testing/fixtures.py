"""The fixtures of ``pytest_plugins = ["snowmelt.testing"]``.

One server runs for the whole session, and each test has a visitor of its own: tests are fast, and do not meet each
other's profiles. Names of groups and services are shared: a published version never changes, so give two groups that
differ two names, or take a :class:`snowmelt.testing.Server` for the test alone. PYTEST_DONT_REWRITE
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from snowmelt.sdk.client import SignalsSandbox
from snowmelt.testing.server import Server
from snowmelt.testing.visitor import Visitor

if TYPE_CHECKING:
    from snowplow_tracker import Tracker

    from snowmelt.definitions import AttributeGroup, Service


class ReadProfile(Protocol):
    """Reads attributes; see :meth:`snowmelt.testing.Server.profile`."""

    def __call__(
        self,
        source: "AttributeGroup | Service",
        identifier: str,
        *,
        key: str | None = None,
        timeout: float = 10.0,
    ) -> dict[str, Any]:
        """The attributes of an identifier, after everything that was acknowledged is in them."""


@pytest.fixture(scope="session")
def snowmelt_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of the session, in pytest's temporary folder, where its log stays for a while."""
    with Server(tmp_path_factory.mktemp("snowmelt") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def signals(snowmelt_server: Server) -> SignalsSandbox:
    """A client of the server: publish with it, read with it."""
    return snowmelt_server.signals


@pytest.fixture
def visitor() -> Visitor:
    """Somebody whom no other test knows."""
    return Visitor()


@pytest.fixture
def tracker(snowmelt_server: Server, visitor: Visitor) -> "Tracker":
    """A Snowplow tracker whose events are the visitor's; each is on the server's disk when ``track`` returns."""
    return snowmelt_server.tracker(visitor)


@pytest.fixture(scope="session")
def profile(snowmelt_server: Server) -> ReadProfile:
    """Waits until everything that was acknowledged is readable, and reads: ``profile(group, identifier)``."""
    return snowmelt_server.profile
