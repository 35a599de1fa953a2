"""Which errors each operation may answer, as the OpenAPI document tells them."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, Field

from snowmelt.api.access import needed_role
from snowmelt.api.asgi import MAX_BODY_BYTES
from snowmelt.stores.registry import ROLES, Role

SCHEMAS: Final = "#/components/schemas/{model}"
REGISTRY: Final = "/api/v1/registry/"
ENGINES: Final = "/api/v1/engines/"
CHALLENGE: Final = {
    "WWW-Authenticate": {
        "required": True,
        "description": "How to ask instead.",
        "schema": {"type": "string", "const": "Bearer"},
    }
}
RETRY_AFTER: Final = {
    "Retry-After": {
        "required": True,
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


class Refusal(BaseModel):
    """Why a request is refused."""

    detail: str = Field(description="What is wrong, and what to do about it.")


class Failure(Refusal):
    """Why a request is refused, under both names that clients look for."""

    error: str = Field(description="The same as `detail`.")


class Incident(Failure):
    """Something that nobody foresaw."""

    id: str = Field(description="The server's log says more under it.")


class Misfit(BaseModel):
    """One thing that is wrong with a request."""

    loc: list[str | int] = Field(description="Where: `body`, `path` or `query`, then the members and positions.")
    msg: str = Field(description="What is wrong, and what to do about it.")
    type: str = Field(description="A stable word for it.")


class Misfits(BaseModel):
    """Everything that is wrong with a request."""

    detail: list[Misfit] = Field(min_length=1, description="Every problem with its place.")


ANSWERS: Final[tuple[type[BaseModel], ...]] = (Refusal, Failure, Incident, Misfits)


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Refers to a model of the document."""
    return {"$ref": SCHEMAS.format(model=model.__name__)}


def answered(model: type[BaseModel], description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer in the shape of ``model``."""
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": reference(model)}},
    }
    return answer if headers is None else answer | {"headers": headers}


def add_failures(method: str, path: str, operation: dict[str, Any]) -> None:
    """Completes the answers of an operation of the framework with all errors that it may come to, and its token.

    Args:
        method: in capitals.
        path: as the document has it, with ``{name}`` and the like.
        operation: of the document; changed in place. Errors that it tells itself stay as they are.
    """
    responses: dict[str, Any] = operation["responses"]
    # The framework writes its own idea of what is wrong with a request; answers have another shape.
    responses.pop("422", None)
    for status, answer in _failures(method, path, operation):
        responses.setdefault(str(status), answer)
    protect(operation, needed_role(method, path))


def protect(operation: dict[str, Any], needed: Role | None) -> None:
    """Says which role an operation needs, and how it answers those that have it not."""
    if needed is None:
        operation["security"] = []
        return
    # Bearer tokens have no scopes; since OpenAPI 3.1 the list may name roles.
    operation["security"] = [{"token": [needed]}]
    responses = operation["responses"]
    responses.setdefault("401", answered(Failure, "Missing, unknown, revoked or expired token", CHALLENGE))
    responses.setdefault("429", answered(Failure, "Too many unknown tokens came from this address", RETRY_AFTER))
    if needed != ROLES[0]:
        responses.setdefault("403", answered(Failure, f"The token has not the role {needed}"))


def _failures(method: str, path: str, operation: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    takes_body = "requestBody" in operation
    changes = method in ("POST", "PUT", "DELETE")
    if takes_body or any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        yield 422, answered(Misfits, "What was sent is wrong: every problem with its place")
    elif "{version}" in path:
        yield 422, answered(Misfits, "The version is no positive integer")
    if takes_body:
        yield 413, answered(Failure, f"The body is longer than {MAX_BODY_BYTES:,} bytes")
    if "{name}" in path or "{key_id}" in path or (changes and path.startswith(ENGINES)):
        yield 404, answered(Refusal, "There is none of this name (and version)")
    if changes and path.startswith((REGISTRY, ENGINES)):
        if method == "POST" and path.startswith(REGISTRY):
            yield 400, answered(Refusal, "There is one of this name (and version) already: send it with PUT")
        yield 409, answered(Refusal, "The state of the registry forbids it; the text says what to do")
        yield (
            503,
            answered(Failure, "Registry or event log could not be written: repeat the call once the disk has room"),
        )
    yield 500, answered(Incident, "Something unforeseen")
