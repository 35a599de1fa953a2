"""The shop's page: where its build lies, and a small server for it, on a port of its own."""

import json
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

from snowmelt.definitions import InterventionCriterion, RuleIntervention
from snowmelt.demo.tutorial import NAME, tutorial_group

BUILT: Final = Path(__file__).parents[3] / ".build" / "shop"
"""Where ``make shop`` puts the page, in a checkout; it is no part of an installed package."""
ENTRY: Final = "index.html"
CONFIG: Final = "/config.json"


def built_page() -> Path | None:
    """The folder of the page, None if it is not built."""
    return BUILT if (BUILT / ENTRY).is_file() else None


def page_config(server_url: str, rules: Sequence[RuleIntervention]) -> dict[str, object]:
    """What the page must know of the server.

    Args:
        server_url: of collector, API and stream.
        rules: each with a single criterion, which the page shows beside the attribute.

    >>> from snowmelt.demo.tutorial import tutorial_interventions
    >>> page_config("http://127.0.0.1:8080", tutorial_interventions()[2:])["rules"]
    [{'name': 'free_shipping', 'attribute': 'total_cart_value', 'operator': '>', 'value': 100}]
    """
    return {
        "server": server_url,
        "service": NAME,
        "attributeKey": tutorial_group().attribute_key.name,
        "rules": [_told(rule) for rule in rules],
    }


def _told(rule: RuleIntervention) -> dict[str, object]:
    criterion = rule.criteria
    if not isinstance(criterion, InterventionCriterion):
        raise TypeError(f"the page shows rules of one criterion, and {rule.name} has several")
    _, _, attribute = criterion.attribute.rpartition(":")
    return {"name": rule.name, "attribute": attribute, "operator": criterion.operator, "value": criterion.value}


class PageServer:
    """Serves the page on this machine, from entering the context to leaving it.

    Another port is another origin for browsers, as it is where shop and collector have hosts of their own.

    Args:
        folder: of the page.
        config: what `page_config` gives.
        port: 0 for a free one.

    Raises:
        OSError: on entering, if the port is taken.
    """

    url: str
    """Of the page, known once the context is entered."""

    def __init__(self, folder: Path, config: dict[str, object], port: int = 0) -> None:
        self._folder, self._config, self._port = folder, config, port

    def __enter__(self) -> Self:
        handler = partial(_Handler, config=self._config, directory=str(self._folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="shop-page", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, config: dict[str, object], directory: str) -> None:
        self._body = json.dumps(config).encode()
        # The page may run its own scripts and talk to this one server; nothing comes from elsewhere.
        self._policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src 'self' {config['server']}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        super().__init__(*args, directory=directory)

    def do_GET(self) -> None:
        if self.path != CONFIG:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self._body)))
        self.end_headers()
        self.wfile.write(self._body)

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self._policy)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the shoppers."""
