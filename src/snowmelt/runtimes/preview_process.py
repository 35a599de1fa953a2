"""The process of one preview: a job comes on standard input, its answer goes to standard output."""

import contextlib
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from snowmelt.compute.plan import plan_group
from snowmelt.definitions import RuleIntervention, read_group
from snowmelt.errors import SnowmeltError
from snowmelt.previews.answers import group_rows, matches
from snowmelt.previews.replay import replay
from snowmelt.runtimes.enricher import enricher_of
from snowmelt.settings import Settings
from snowmelt.stores.event_log import EventLog

NICER = 10
"""The engine and the web processes go first."""


class Job(msgspec.Struct):
    """What a preview is made of.

    Args:
        log: the folder of the event log.
        map_size: its bound.
        window_ms: how far back.
        groups: the definitions of the groups that are counted.
        app_ids: whose events; all if empty.
        key_ids: of a group's preview: whose rows; a sample if empty.
        intervention: of an intervention's preview: its definition.
        sources: of that: which of the groups each attribute of the criteria means.
        enrichment: the settings of enrichment.
        schemas: the settings of schemas.
        seconds: how long it may take.
        memory_mb: how much memory it may take.
    """

    log: str
    map_size: int
    window_ms: int
    groups: list[dict[str, Any]]
    app_ids: list[str] = []
    key_ids: list[str] = []
    intervention: dict[str, Any] | None = None
    sources: dict[str, int] = {}
    enrichment: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    seconds: float = 20.0
    memory_mb: int = 1024


class Done(msgspec.Struct):
    """What came of it.

    Args:
        answer: what the API answers, if it could be made.
        since: from when on events were there, ms since the epoch.
        problem: why it could not be made.
    """

    answer: Any = None
    since: int = 0
    problem: str = ""


def preview(job: Job, now: int, rng: random.Random) -> Done:
    """Do a job.

    Args:
        job: what is asked.
        now: ms since the epoch.
        rng: draws samples.

    Raises:
        SnowmeltError: it cannot be done, for a reason that whoever asks can do something about.
    """
    settings = {"enrichment": job.enrichment, "schemas": job.schemas, "data_dir": Path(job.log).parent}
    enricher = enricher_of(Settings.model_validate(settings))
    deadline = time.monotonic() + job.seconds
    plans = [plan_group(read_group(group), number) for number, group in enumerate(job.groups, 1)]
    log = EventLog(Path(job.log), job.map_size)
    try:
        replayed = replay(log, enricher, plans, now - job.window_ms, now, frozenset(job.app_ids), deadline)
    finally:
        log.close()
    if job.intervention is None:
        answer: Any = group_rows(plans[0], replayed.profiles[1], now, job.key_ids, rng)
    else:
        intervention = RuleIntervention.model_validate(job.intervention)
        sources = {name: plans[number] for name, number in job.sources.items()}
        answer = matches(intervention, sources, replayed.profiles, now, rng)
    return Done(answer, replayed.since)


def main() -> None:
    """Do the job on standard input."""
    os.nice(NICER)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    # Of the log's address space nothing counts here: it is a file that is mapped.
    resource.setrlimit(resource.RLIMIT_DATA, (job.memory_mb * 1024**2,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.dup(1)
    os.dup2(2, 1)  # nothing but the answer goes there, whatever a library prints
    try:
        done = preview(job, time.time_ns() // 1_000_000, random.Random())
        text = msgspec.json.encode(done)
    except SnowmeltError as error:
        text = msgspec.json.encode(Done(problem=str(error)))
    except MemoryError:
        text = msgspec.json.encode(Done(problem="it needs more memory than a preview has"))
    with contextlib.closing(os.fdopen(out, "wb")) as answer:
        answer.write(text)


if __name__ == "__main__":
    main()
