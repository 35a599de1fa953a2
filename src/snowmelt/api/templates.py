"""``registry/attribute_group_templates``: sets of attributes to start from."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from snowmelt.api.parameters import Page
from snowmelt.definitions.templates import TEMPLATES
from snowmelt.definitions.wire import AttributeGroupTemplatesResponse


def templates_router() -> APIRouter:
    """List the templates."""
    router = APIRouter(prefix="/registry/attribute_group_templates", tags=["attribute groups"])

    @router.get("", response_model=AttributeGroupTemplatesResponse, summary="Sets of attributes to start from")
    def list_templates(page: Page) -> JSONResponse:
        return JSONResponse({"templates": [template.to_wire() for template in page.of(TEMPLATES)]})

    return router
