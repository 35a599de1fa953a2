"""Runs previews in processes of their own, so that neither the engine nor the web process waits for one."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from snowmelt.previews.job import PreviewAnswer, PreviewFailed, PreviewJob
from snowmelt.runtimes.preview_process import Done, Job
from snowmelt.settings import Settings

GRACE_SECONDS: Final = 5.0
"""On top of its time a preview may take so long to start and to end by itself."""
WAITING: Final = 4

log = structlog.get_logger("snowmelt.api")


class Previewer:
    """Runs a few at once; a few others wait.

    Args:
        path: the folder of the event log.
        settings: of the server.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path, self._map_size, self._settings = path, settings.log.map_size, settings.previews
        self._pipeline = settings.model_dump(mode="json", include={"enrichment", "schemas"})
        self._turns = asyncio.Semaphore(settings.previews.at_once)
        self._there = 0

    async def __call__(self, job: PreviewJob) -> PreviewAnswer:
        """Run a preview.

        Raises:
            PreviewFailed: too many are waiting, or it needs more than it may have.
        """
        if self._there >= self._settings.at_once + WAITING:
            raise PreviewFailed("too many previews are asked for at once: try again later", busy=True)
        self._there += 1
        try:
            async with self._turns:
                return await self._run(job)
        finally:
            self._there -= 1

    async def _run(self, job: PreviewJob) -> PreviewAnswer:
        settings = self._settings
        limits: dict[str, Any] = {"seconds": settings.seconds, "memory_mb": settings.memory_mb}
        asked = job._asdict() | {"sources": dict(job.sources)}
        store = {"log": str(self._path), "map_size": self._map_size, **self._pipeline}
        fields = store | limits | asked
        sent = msgspec.json.encode(msgspec.convert(fields, Job))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "snowmelt.runtimes.preview_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(settings.seconds + GRACE_SECONDS):
                out, errors = await process.communicate(sent)
        except TimeoutError:
            raise PreviewFailed(f"it was not done in {settings.seconds:g} s: ask for a shorter window") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            done = msgspec.json.decode(out, type=Done)
        except msgspec.MsgspecError:
            log.error("preview_failed", status=process.returncode, errors=errors.decode(errors="replace")[-2000:])
            raise PreviewFailed(
                "the process that computes it ended early, which too little memory may cause: ask for a shorter window"
            ) from None
        if done.problem:
            raise PreviewFailed(done.problem)
        return PreviewAnswer(done.answer, done.since)
