"""Whether a server does all of its work now, and if not, what keeps it."""

import asyncio
from collections.abc import Callable
from typing import Final

from snowmelt.collector.writer import LogWriter
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.settings import ReadySettings

PATIENCE_SECONDS: Final = 2.0
"""A store that takes longer is as good as none."""


class Readiness:
    """Looks at everything that values depend on: the engine, the log, the registry, and how far behind values are.

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

    async def problems(self) -> list[str]:
        """What keeps the server from being ready, each in a line; none if it is.

        Cost: a synced write, unless something was written to the log within the last second.
        """
        found = [self._of_engine(), self._of_lag(), await self._of_log(), await self._of_registry()]
        return [problem for problem in found if problem is not None]

    def _of_engine(self) -> str | None:
        if not self._engine.held():
            return "the engine is not running"
        silent = self._engine.silent_seconds()
        if silent is None:
            return "the engine is starting"
        if silent > self._bounds.engine_seconds:
            return f"the engine has not moved for {silent:.1f} s"
        return None

    def _of_lag(self) -> str | None:
        try:
            lag = self._lag_seconds()
        except Exception as error:
            return f"the profiles cannot be read: {error}"
        if lag > self._bounds.lag_seconds:
            return f"events have waited {lag:.1f} s to be counted"
        return None

    async def _of_log(self) -> str | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._writer.try_out()
        except TimeoutError:
            return f"the event log took nothing for {PATIENCE_SECONDS:g} s"
        except Exception as error:
            return f"the event log cannot be written: {error}"
        return None

    async def _of_registry(self) -> str | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.to_thread(self._registry)
        except TimeoutError:
            return f"the registry did not answer for {PATIENCE_SECONDS:g} s"
        except Exception as error:
            return f"the registry cannot be read: {error}"
        return None
