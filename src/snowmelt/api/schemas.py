"""``/api/schemas``: the registry of schemas in the data folder, in the layout of a static registry."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from snowmelt.api.answers import failure
from snowmelt.api.asgi import MAX_BODY_BYTES, BodyTooLarge
from snowmelt.api.bodies import InvalidBody
from snowmelt.api.failures import Failure, answered
from snowmelt.definitions.problems import Problem
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.local import LocalRegistry, Outcome, SchemaExists
from snowmelt.iglu.schema import Schema, UnusableSchema

PREFIX: Final = "/api/schemas"
STATUS: Final[dict[Outcome, int]] = {"added": 201, "replaced": 200, "unchanged": 200}
EXAMPLE: Final = {
    "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
    "self": {"vendor": "com.acme", "name": "order", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {"number": {"type": "string", "maxLength": 32}, "total": {"type": "number", "minimum": 0}},
    "required": ["number"],
    "additionalProperties": False,
}


class SchemaAnswer(BaseModel):
    """What was done with a schema."""

    status: int = Field(description="Of HTTP, again.")
    message: Outcome = Field(description="What was done.")
    location: str = Field(description="The schema's URI.")


async def raw_body(request: Request) -> bytes:
    """The request's body as it was sent.

    Raises:
        BodyTooLarge: it is longer than ``MAX_BODY_BYTES``.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


RawBody = Annotated[bytes, Depends(raw_body)]
Replace = Annotated[bool, Query(description="Take the place of another schema of the same version.")]


def schemas_router(registry: LocalRegistry) -> APIRouter:
    """List, read and add schemas."""
    router = APIRouter(prefix=PREFIX, tags=["schemas"])
    body: dict[str, Any] = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "description": "A self-describing JSON schema of draft 4."},
                    "examples": {"order": {"value": EXAMPLE}},
                }
            },
        }
    }
    kept: dict[int | str, dict[str, Any]] = {
        200: {"model": SchemaAnswer, "description": "It was there already, or has replaced another one"},
        409: answered(Failure, "There is another schema of this version: give it a new one"),
        507: answered(Failure, "The data folder does not take it"),
    }
    adds: dict[str, Any] = {
        "response_model": SchemaAnswer,
        "status_code": 201,
        "responses": kept,
        "openapi_extra": body,
    }

    @router.get("", response_model=list[str], summary="The URIs of all schemas")
    def list_schemas() -> JSONResponse:
        return JSONResponse([key.uri for key in registry.schema_keys()])

    @router.post("", summary="Add a schema", **adds)
    def add_schema(text: RawBody, replace: Replace = False) -> JSONResponse:
        return _keep(registry, text, None, replace)

    @router.get("/{vendor}/{name}/{format}/{version}", response_model=dict[str, Any], summary="One schema")
    def get_schema(vendor: str, name: str, format: str, version: str) -> Response:
        try:
            found = registry.look_up(_key(vendor, name, format, version))
        except SchemaUriError:
            found = None
        if not isinstance(found, Schema):
            return JSONResponse({"detail": f"There is no schema {vendor}/{name}/{format}/{version} here."}, 404)
        return Response(found.text, media_type="application/json")

    @router.put("/{vendor}/{name}/{format}/{version}", summary="Add a schema at its place", **adds)
    def put_schema(
        vendor: str, name: str, format: str, version: str, text: RawBody, replace: Replace = False
    ) -> JSONResponse:
        try:
            key = _key(vendor, name, format, version)
        except SchemaUriError as error:
            raise InvalidBody([Problem((), f"the path is no schema's: {error}", "schema")]) from None
        return _keep(registry, text, key, replace)

    return router


def _key(*parts: str) -> SchemaKey:
    return SchemaKey.parse(f"iglu:{'/'.join(parts)}")


def _keep(registry: LocalRegistry, text: bytes, key: SchemaKey | None, replace: bool) -> JSONResponse:
    try:
        schema = Schema.parse(text, key)
        outcome = registry.add(schema, replace=replace)
    except UnusableSchema as error:
        raise InvalidBody([Problem((), problem, "schema") for problem in error.problems]) from None
    except SchemaExists as error:
        return failure(409, str(error))
    except OSError as error:
        return failure(507, f"The schema cannot be kept: {error.strerror}. Look after the disk of the data folder.")
    status = STATUS[outcome]
    return JSONResponse({"status": status, "message": outcome, "location": schema.key.uri}, status)
