"""The interactive documentation at ``/docs/``, with its scripts from an installed package instead of a CDN."""

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

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS}/favicon.png",
        )
