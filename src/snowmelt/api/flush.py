"""``POST testing/flush``: answered when everything acknowledged before can be read."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from snowmelt.definitions.wire import ErrorResponse

USUAL_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
PATIENCE: Final = 0.25
"""The pause between two looks, as a part of the time waited so far: nobody waits much longer for that than he must,
and whoever waits long looks seldom."""


class FlushResponse(BaseModel):
    """The profiles include everything that was acknowledged before the call."""

    position: int = Field(description="The place in the event log up to which that is so.")


class Behind(ErrorResponse):
    """The engine has not come so far in time."""

    behind: int = Field(description="How many records of the event log were not included yet.")


class Progress:
    """How far the engine is, for requests that wait for it.

    It is asked for, since the engine commits in a process of its own and tells nobody. A look costs some
    microseconds, and nothing is done while nobody waits.

    Args:
        head: gives the place of the last record in the event log.
        position: gives the place up to which the profiles include it.
    """

    def __init__(self, head: Callable[[], int], position: Callable[[], int]) -> None:
        self._head = head
        self._position = position

    async def catch_up(self, seconds: float) -> tuple[int, int]:
        """Wait until the profiles include all that is in the log now; other requests go on meanwhile.

        Definitions are records of the log, so that they are in force then, too.

        Args:
            seconds: how long at most.

        Returns:
            The place that was the last one when the call came, and how many records the profiles lack of it.
        """
        goal = self._head()
        loop = asyncio.get_running_loop()
        started = loop.time()
        while (behind := goal - self._position()) > 0:
            waited = loop.time() - started
            if waited >= seconds:
                return goal, behind
            pause = min(max(waited * PATIENCE, FIRST_PAUSE), LONGEST_PAUSE)
            await asyncio.sleep(min(pause, seconds - waited))
        return goal, 0


def flush_router(progress: Progress) -> APIRouter:
    """Wait for the engine."""
    router = APIRouter(prefix="/testing", tags=["testing"])
    responses: dict[int | str, dict[str, Any]] = {504: {"model": Behind, "description": "Not in time"}}

    @router.post(
        "/flush",
        response_model=FlushResponse,
        responses=responses,
        summary="Wait until everything acknowledged before is readable",
    )
    async def flush(
        timeout: Annotated[
            float, Query(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False, description="Seconds to wait at most.")
        ] = USUAL_SECONDS,
    ) -> JSONResponse:
        position, behind = await progress.catch_up(timeout)
        if behind:
            text = (
                f"The engine is still {behind} {'record' if behind == 1 else 'records'} of the event log behind after "
                f"{timeout:g} s. Wait longer (timeout, at most {LONGEST_SECONDS:g}); /ready says whether it runs, and "
                "the server's log what keeps it."
            )
            return JSONResponse({"error": text, "detail": text, "behind": behind}, 504)
        return JSONResponse({"position": position})

    return router
