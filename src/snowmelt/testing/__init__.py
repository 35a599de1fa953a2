"""A server of one's own for tests: fixtures for pytest, and a context manager for everything else.

For pytest, in the top ``conftest.py`` of your tests::

    pytest_plugins = ["snowmelt.testing"]

Then any test may ask for `snowmelt_server`, `signals`, `visitor`, `tracker` and `profile`
(:mod:`snowmelt.testing.fixtures`). Without pytest::

    with snowmelt.testing.Server() as server:
        server.signals.publish([group])

The server is a real one, so the package needs the extra ``server``, and for the tracker ``demo``; nothing of them
is imported here. PYTEST_DONT_REWRITE: there is nothing to rewrite, and it may be imported before it is a plugin.
"""

from snowmelt.testing.server import Server, ServerError
from snowmelt.testing.visitor import Visitor

__all__ = ["Server", "ServerError", "Visitor"]

pytest_plugins = ("snowmelt.testing.fixtures",)
"""Read by pytest, which then loads the fixtures; pytest itself is needed by nothing else here."""
