"""``user_data``: everything that is held about somebody, and its erasure. For admins."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from snowmelt.api.answers import failure
from snowmelt.api.failures import Failure, answered
from snowmelt.api.flush import USUAL_SECONDS, Progress
from snowmelt.api.targets import MalformedTargets, Targets
from snowmelt.definitions import AttributeKey
from snowmelt.definitions.property import AtomicProperty
from snowmelt.enrichment.parameters import parameters_of
from snowmelt.events.erasure import Subject
from snowmelt.stores.errors import StoreError
from snowmelt.stores.outbox import Target
from snowmelt.stores.registry import Registry

MAX_IDENTIFIERS: Final = 50
WAIT_SECONDS: Final = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
RECEIPT_ID: Final = re.compile(r"[0-9a-f]{32}")
JSON: Final = "application/json"


class People(Protocol):
    """What the routes need of the server's stores."""

    def erase(self, subjects: Sequence[Subject]) -> str:
        """Ask for an erasure, on the disk when this returns; gives the id of its receipt."""

    def receipt(self, id: str) -> bytes | None:
        """The receipt of an erasure that is done, as JSON."""

    def held(self, subjects: Sequence[Subject]) -> bytes:
        """Everything that is held, as JSON; may take a while."""


class ErasureReceipt(BaseModel):
    """What was erased; who it was is not in it."""

    id: str = Field(description="Of the request.")
    keys: list[str] = Field(description="The attribute keys that were named.")
    requested: str = Field(description="When, as ISO 8601.")
    finished: str = Field(description="When all was done.")
    removed: dict[str, int] = Field(description="How much of each kind is gone.")
    left: dict[str, int] = Field(description="What still holds an identifier as a value of somebody or something else.")
    unreachable: list[str] = Field(description="Where copies may be that the server cannot reach.")


class HeldData(BaseModel):
    """Everything that is held about somebody."""

    identifiers: list[dict[str, str]] = Field(description="Whom it is about: attribute keys and identifiers.")
    exported: str = Field(description="When, as ISO 8601.")
    values: list[dict[str, Any]] = Field(description="Attributes, by group and version.")
    event_logs: list[dict[str, Any]] = Field(description="What event logs keep.")
    interventions: list[dict[str, Any]] = Field(description="Which interventions fired, and how often.")
    timers: list[dict[str, Any]] = Field(description="What interventions wait for.")
    deliveries: list[dict[str, Any]] = Field(description="Interventions that are kept for subscribers.")
    webhook_messages: list[dict[str, Any]] = Field(
        description="Interventions that wait for webhooks, or were given up."
    )
    failed_events: list[dict[str, Any]] = Field(description="Failed events that name the identifier.")
    log_records: list[dict[str, Any]] = Field(description="What the event log still has of events and requests.")


class Unfinished(Failure):
    """The erasure will be done, and is not yet."""

    id: str = Field(description="Under which its receipt will be found.")


IDENTIFIERS: Final = {
    "name": "domain_userid",
    "in": "query",
    "style": "form",
    "explode": True,
    "description": f"Identifiers. Any other attribute key may stand beside it or in its place, and one is needed; "
    f"at most {MAX_IDENTIFIERS} identifiers.",
    "schema": {"type": "array", "items": {"type": "string"}},
    "example": ["218e8926-3858-431d-b2ed-66da03a1cbe5"],
}
MALFORMED: Final = answered(Failure, "No identifiers, too many, or an unknown attribute key")


def user_data_router(registry: Registry, targets: Targets, people: People, progress: Progress) -> APIRouter:
    """Export and erase.

    Args:
        registry: the attribute keys.
        targets: reads keys and identifiers.
        people: the stores.
        progress: how far the engine is.
    """
    router = APIRouter(prefix="/user_data", tags=["people"])

    async def subjects_in(request: Request) -> list[Subject]:
        keys = {stored.key.name: stored.key for stored in await asyncio.to_thread(registry.keys.all)}
        try:
            asked = targets.pushed(request.scope["query_string"])
        except MalformedTargets as error:
            raise MalformedTargets(f"{error} The attribute keys are {', '.join(sorted(keys))}.") from None
        if len(asked) > MAX_IDENTIFIERS:
            raise MalformedTargets(f"{len(asked)} identifiers are too many: at most {MAX_IDENTIFIERS} are taken.")
        return [subject_of(target, keys) for target in asked]

    @router.get(
        "",
        response_model=HeldData,
        responses={400: MALFORMED},
        summary="Everything that is held about somebody",
        openapi_extra={"parameters": [IDENTIFIERS]},
    )
    async def export(request: Request) -> Response:
        try:
            subjects = await subjects_in(request)
        except MalformedTargets as error:
            return failure(400, str(error))
        await progress.catch_up(USUAL_SECONDS)
        return Response(await asyncio.to_thread(people.held, subjects), media_type=JSON)

    @router.delete(
        "",
        response_model=ErasureReceipt,
        responses={
            400: MALFORMED,
            503: answered(Failure, "The event log cannot be written; nothing will be erased"),
            504: {"model": Unfinished, "description": "Not finished in time; it goes on"},
        },
        summary="Erase everything that is held about somebody",
        openapi_extra={"parameters": [IDENTIFIERS]},
    )
    async def erase(request: Request) -> Response:
        try:
            subjects = await subjects_in(request)
            id = await asyncio.to_thread(people.erase, subjects)
        except MalformedTargets as error:
            return failure(400, str(error))
        except StoreError as error:
            return failure(503, f"Nothing will be erased, the request cannot be kept: {error}. Ask again later.")
        receipt = await _receipt(people, id)
        if receipt is not None:
            return Response(receipt, media_type=JSON)
        text = (
            f"The erasure is in the event log and will be done; after {WAIT_SECONDS:g} s it is not finished. "
            f"GET user_data/receipts/{id} answers when it is."
        )
        return JSONResponse({"error": text, "detail": text, "id": id}, 504)

    @router.get(
        "/receipts/{id}",
        response_model=ErasureReceipt,
        responses={404: answered(Failure, "There is no erasure of this id, or it is not finished")},
        summary="The receipt of an erasure",
    )
    async def receipt(
        id: Annotated[str, Path(description="As the erasure was answered.", examples=["0" * 32])],
    ) -> Response:
        found = await asyncio.to_thread(people.receipt, id) if RECEIPT_ID.fullmatch(id) else None
        if found is None:
            return failure(
                404, f"There is no finished erasure {id[:64]!r}. Ask again, or erase again: twice does no harm."
            )
        return Response(found, media_type=JSON)

    return router


async def _receipt(people: People, id: str) -> bytes | None:
    """The receipt as soon as it is there, or ``None`` after a minute."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + WAIT_SECONDS, FIRST_PAUSE
    while (found := people.receipt(id)) is None and loop.time() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE)
    return found


def subject_of(target: Target, keys: dict[str, AttributeKey]) -> Subject:
    """Whose data is meant, with all keys that find the same value in events, and what the value is called there.

    >>> from snowmelt.definitions.attribute_key import domain_userid, user_attribute_key, user_id
    >>> keys = {key.name: key for key in (domain_userid, user_attribute_key, user_id)}
    >>> meant = subject_of(("domain_userid", "d-1"), keys)
    >>> meant.names, meant.places
    (('domain_userid', 'user'), ('domain_userid', 'duid'))
    """
    name, identifier = target
    place = keys[name].key_property()
    names = [one for one, key in keys.items() if place is not None and key.key_property() == place]
    if place is None:
        places: list[str] = [name]
    elif isinstance(place, AtomicProperty):
        places = [place.name, *parameters_of(place.name)]
    else:
        places = [place.path.rsplit(".", 1)[-1]]
    return Subject(key=name, names=tuple(dict.fromkeys([name, *names])), places=tuple(places), identifier=identifier)
