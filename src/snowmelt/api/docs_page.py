"""The interactive documentation at ``/docs/``, with its scripts from an installed package instead of a CDN."""

import base64
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS: Final = "/docs/assets"
_PACKAGE: Final = "fastapi_offline"


def add_docs_page(app: FastAPI) -> None:
    """Serve Swagger UI: it works on a laptop without internet, and no other host learns who reads it."""
    spec = find_spec(_PACKAGE)
    assert spec is not None and spec.origin is not None, "a dependency of the server"
    app.mount(ASSETS, StaticFiles(directory=Path(spec.origin).parent / "static"))

    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    )
    page.headers["Content-Security-Policy"] = policy(bytes(page.body).decode())

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return page


def policy(page: str) -> str:
    """What a browser may load and run for the page: this server's files, and the scripts that stand in it.

    Tokens are typed into it, so nothing else may run there, and no other page may show it in a frame.

    >>> policy("<script>a()</script>").split("; ")[1]
    "script-src 'self' 'sha256-qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4='"
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *(f"'sha256-{digest}'" for digest in digests)]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
