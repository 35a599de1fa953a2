"""Every route of a server and what it needs, found in the code that serves it; ``make docs`` puts it into a page."""

from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from fastapi.routing import iter_route_contexts

from snowmelt.api.access import AGENTS, needed_role
from snowmelt.api.framework import framework_app
from snowmelt.api.later import later
from snowmelt.collector.app import PIXEL_PATHS
from snowmelt.collector.pages import pages
from snowmelt.micro.door import ROUTES as MICRO
from snowmelt.micro.door import SCHEMAS as MICRO_SCHEMAS
from snowmelt.runtimes.web import PAGES
from snowmelt.settings_collector import CollectorSettings
from snowmelt.stores.registry import Registry

ANYBODY = "anybody"


class Route(NamedTuple):
    """A method of a path.

    Args:
        path: as the documents write it, with ``{name}`` for a place; of what comes later, ``*``.
        method: in capitals.
        door: which part of the server answers.
        needs: a role, or ``anybody``.
    """

    path: str
    method: str
    door: str
    needs: str


def documented(document: dict[str, Any]) -> set[tuple[str, str]]:
    """The operations of an OpenAPI document: method and path."""
    return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}


def routes() -> list[Route]:
    """All of them, by path."""
    with TemporaryDirectory() as folder:
        registry = Registry.open(Path(folder) / "registry.sqlite")
        nothing: Any = None
        parts = dict.fromkeys(signature(framework_app).parameters, nothing) | {"registry": registry}
        app = framework_app(**parts)
        registry.close()
    served = {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or {"GET"}) - {"HEAD"}
    }
    # The document also tells of what is served past the framework, and of what a later release serves.
    found = {
        Route(path, method, "later" if later(filled(path)) else "API", _needs(method, path))
        for method, path in served | documented(app.openapi())
    }
    found.add(Route(AGENTS, "POST", "agents", _needs("POST", AGENTS)))
    found |= {Route(path, "GET", "runtime", ANYBODY) for path in PAGES}
    found |= {
        Route(path, "GET", "collector", ANYBODY) for path in (*PIXEL_PATHS, *pages(CollectorSettings()), "/sink-health")
    }
    found |= {Route(path, method, "tests", ANYBODY) for path in MICRO for method in ("GET", "POST")}
    found.add(Route(f"{MICRO_SCHEMAS}{{vendor}}/{{name}}/{{format}}/{{version}}", "GET", "tests", ANYBODY))
    found |= {Route("/{vendor}/{version}", method, "collector", ANYBODY) for method in ("GET", "POST")}
    return sorted(found)


def filled(path: str) -> str:
    """The path with something in its places, as a request has it."""
    return path.replace("{version}", "1").replace("{", "a-").replace("}", "")


def _needs(method: str, path: str) -> str:
    return needed_role(method, filled(path)) or ANYBODY


def table() -> str:
    """A row for each path and need, in Markdown."""
    methods: dict[tuple[str, str, str], list[str]] = {}
    for route in routes():
        methods.setdefault((route.path, route.door, route.needs), []).append(route.method)
    rows = [f"| `{path}` | {', '.join(found)} | {door} | {needs} |" for (path, door, needs), found in methods.items()]
    return "\n".join(["| path | methods | door | needs |", "| --- | --- | --- | --- |", *rows])
