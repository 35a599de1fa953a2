"""Whether a server does all of its work now, and if not, what keeps it."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from snowmelt.collector.writer import LogWriter
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.settings import ReadySettings

PATIENCE_SECONDS: Final = 2.0
"""A store that takes longer is as good as none."""


logger = structlog.get_logger("snowmelt.web")


class Problem(NamedTuple):
    """One thing that keeps a server from being ready.

    Args:
        what: in words that do not change while it lasts.
        more: how long, for whoever asks.
        error: for the log.
    """

    what: str
    more: str = ""
    error: str | None = None


class Readiness:
    """Looks at everything that values depend on: the engine, the log, the registry, and how far behind values are.

    Strangers may see what it says, so errors are told to the log only, when what it says begins or ends.

    Args:
        engine: the engine's lock, with its heart beat.
        writer: this process's way into the event log.
        registry: reads something of the registry, and raises if it cannot.
        lag_seconds: the age of the oldest record that the profiles do not include.
        bounds: how slow is too slow.
    """

    def __init__(
        self,
        engine: ProcessLock,
        writer: LogWriter,
        registry: Callable[[], object],
        lag_seconds: Callable[[], float],
        bounds: ReadySettings,
    ) -> None:
        self._engine, self._writer, self._registry = engine, writer, registry
        self._lag_seconds, self._bounds = lag_seconds, bounds
        self._said: tuple[str, ...] = ()

    async def problems(self) -> list[str]:
        """What keeps the server from being ready, each in a line; none if it is.

        Cost: a synced write, unless something was written to the log within the last second.
        """
        looked = [self._of_engine(), self._of_lag(), await self._of_log(), await self._of_registry()]
        found = [problem for problem in looked if problem is not None]
        said = tuple(problem.what for problem in found)
        if said != self._said:
            self._said = said
            if found:
                logger.warning("not ready", reasons=said, errors=[one.error for one in found if one.error])
            else:
                logger.info("ready again")
        return [problem.what + problem.more for problem in found]

    def _of_engine(self) -> Problem | None:
        if not self._engine.held():
            return Problem("the engine is not running")
        silent = self._engine.silent_seconds()
        if silent is None:
            return Problem("the engine is starting")
        if silent > self._bounds.engine_seconds:
            return Problem("the engine has not moved", f" for {silent:.1f} s")
        return None

    def _of_lag(self) -> Problem | None:
        try:
            lag = self._lag_seconds()
        except Exception as error:
            return Problem("the profiles cannot be read", error=str(error))
        if lag > self._bounds.lag_seconds:
            return Problem("events wait to be counted", f" for {lag:.1f} s")
        return None

    async def _of_log(self) -> Problem | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._writer.try_out()
        except TimeoutError:
            return Problem(f"the event log took nothing for {PATIENCE_SECONDS:g} s")
        except Exception as error:
            return Problem("the event log cannot be written", error=str(error))
        return None

    async def _of_registry(self) -> Problem | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.to_thread(self._registry)
        except TimeoutError:
            return Problem(f"the registry did not answer for {PATIENCE_SECONDS:g} s")
        except Exception as error:
            return Problem("the registry cannot be read", error=str(error))
        return None
