"""The endpoints of definitions that are edited as drafts: event logs and agentic decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, addressed, json_body
from snowmelt.api.openapi import takes
from snowmelt.api.parameters import Page
from snowmelt.definitions import AgenticDecision, Definition, EventLog
from snowmelt.definitions.wire import DeleteResponse
from snowmelt.stores.registry import Drafts, StoredDraft

D = TypeVar("D", EventLog, AgenticDecision)


@dataclass(frozen=True, slots=True)
class Collection(Generic[D]):
    """A collection of such definitions, as one path shows it.

    Args:
        path: below ``/api/v1``.
        title: of one definition, with its article, for summaries.
        titles: of several.
        drafts: where they are kept.
        takes: the model of bodies.
        gives: the model of answers.
        read: makes a definition of a body.
        answer: makes the answer.
    """

    path: str
    title: str
    titles: str
    drafts: Drafts[D]
    takes: type[Definition]
    gives: type[Definition]
    read: Callable[[Body], D]
    answer: Callable[[StoredDraft[D]], dict[str, Any]]


def drafts_router(collection: Collection[D], announcer: Announcer) -> APIRouter:
    """List, create, read, update and delete definitions, and discard their drafts."""
    path, drafts, answer = collection.path, collection.drafts, collection.answer
    router = APIRouter(prefix=path, tags=[collection.titles])
    body_model = takes(collection.takes)
    # Names of operations must differ where one store answers under two paths.
    kind = path.rsplit("/", 1)[-1]

    @router.get(
        "",
        response_model=list[collection.gives],  # type: ignore[name-defined]
        summary=f"All {collection.titles}",
        operation_id=f"list_{kind}",
    )
    def list_all(page: Page) -> JSONResponse:
        return JSONResponse([answer(stored) for stored in page.of(drafts.all())])

    @router.post(
        "",
        response_model=collection.gives,
        status_code=201,
        summary=f"Register the draft of {collection.title}",
        operation_id=f"create_{kind}",
        openapi_extra=body_model,
    )
    def create(body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = drafts.create(collection.read(body))
        announcer.announce()
        return JSONResponse(answer(stored), 201)

    @router.get(
        "/{name}",
        response_model=collection.gives,
        summary=f"The newest definition of {collection.title}",
        operation_id=f"get_{kind}",
    )
    def get(name: str) -> JSONResponse:
        return JSONResponse(answer(drafts.get(name)))

    @router.put(
        "/{name}",
        response_model=collection.gives,
        summary=f"Write the draft of {collection.title}; what is published stays so",
        operation_id=f"update_{kind}",
        openapi_extra=body_model,
    )
    def update(name: str, body: Annotated[Body, Depends(json_body)]) -> JSONResponse:
        stored = drafts.update(collection.read(addressed(body, name=name)))
        announcer.announce()
        return JSONResponse(answer(stored))

    @router.delete(
        "/{name}",
        response_model=DeleteResponse,
        summary=f"Remove {collection.title} that is not published",
        operation_id=f"delete_{kind}",
    )
    def delete(name: str) -> JSONResponse:
        drafts.delete(name)
        announcer.announce()
        return JSONResponse({"ok": True})

    @router.delete(
        "/{name}/draft",
        response_model=DeleteResponse,
        summary=f"Discard the draft beside the published definition of {collection.title}",
        operation_id=f"discard_{kind}",
    )
    def discard(name: str) -> JSONResponse:
        drafts.discard(name)
        announcer.announce()
        return JSONResponse({"ok": True})

    return router
