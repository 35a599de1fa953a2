"""The engine's process: wait for the bell, apply the log, take checkpoints."""

import gc
import signal
import threading
import time
from types import FrameType

import structlog

from snowmelt.connectors.output_progress import trim_log
from snowmelt.runtimes.child import STDIN, report_ready, run_child
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.dispatch import Dispatch
from snowmelt.runtimes.engine import Engine
from snowmelt.runtimes.enricher import enricher_of, gate_of
from snowmelt.runtimes.erasures import Erasures
from snowmelt.runtimes.out_of_reach import out_of_reach
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.runtimes.tracing import spans_of
from snowmelt.settings import Settings
from snowmelt.stores.bell import Bell
from snowmelt.stores.checkpoint import Checkpoints
from snowmelt.stores.errors import StoreFullError
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import ProfileStore

IDLE_SECONDS = 1.0
"""A missed ring delays an event by this at most; rings are not missed, this is a second line."""

COLLECT_SECONDS = 300.0

logger = structlog.get_logger("snowmelt.engine")


class CheckpointTimer:
    """Takes a checkpoint now and then, in a thread, and trims the log behind it.

    Args:
        checkpoints: where to.
        store: of what.
        log: to trim.
        settings: how often, and how long records are kept at least.
    """

    def __init__(self, checkpoints: Checkpoints, store: ProfileStore, log: EventLog, settings: Settings) -> None:
        self._checkpoints, self._store, self._log = checkpoints, store, log
        self._interval = settings.engine.checkpoint_minutes * 60
        self._retention = int(settings.log.retention_hours * 3_600_000)
        self._outputs = settings.outputs
        self._stop = threading.Event()
        self._covered = store.position
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the checkpoint that is being taken, and take no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            if self._store.position == self._covered:
                continue
            started = time.monotonic()
            try:
                self._covered = self._checkpoints.take(self._store)
                now = time.time_ns() // 1_000_000
                trimmed = trim_log(self._log, self._covered, self._retention, now, self._outputs)
            except Exception as error:
                logger.error("no checkpoint", error=str(error))
                continue
            seconds = round(time.monotonic() - started, 3)
            logger.info("checkpoint", position=self._covered, trimmed=trimmed, seconds=seconds)


def run_engine(settings: Settings) -> None:
    """Apply the log until told to stop, or until the supervisor is gone."""
    data = DataDir(settings.data_dir)
    lock = ProcessLock(data.engine_lock, "engine")
    lock.acquire()
    spans = spans_of(settings, "engine")
    gate = gate_of(settings, holds=True)
    enricher = enricher_of(settings, gate)
    checkpoints = Checkpoints(data.path)
    log = EventLog(data.log, settings.log.map_size)
    store = checkpoints.open(settings.engine.map_size)
    failed = FailedEvents(data.failed_events)
    outbox = Outbox(data.outbox, settings.interventions.map_size, int(settings.interventions.keep_minutes * 60_000))
    bell = Bell(data.bell)
    erasures = Erasures(
        data.erasures,
        log=log,
        store=store,
        checkpoints=checkpoints,
        failed=failed,
        outbox=outbox,
        webhooks=data.webhooks,
        unreachable=out_of_reach(settings),
    )
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        bell.ring()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = Engine(
        log=log,
        store=store,
        failed=failed,
        enricher=enricher,
        dispatch=Dispatch(store, outbox, Mailboxes(data.mailboxes), text_values=settings.interventions.text_values),
        commit_ms=settings.engine.commit_ms,
        cache_keys=settings.engine.cache_keys,
        duplicate_hours=settings.engine.duplicate_hours,
        remembered_events=settings.engine.remembered_events,
        sweep_minutes=settings.engine.sweep_minutes,
        gate=gate,
        failed_events=settings.failed_events,
        on_step=None if spans is None else spans.step,
        erasures=erasures,
    )
    timer = CheckpointTimer(checkpoints, store, log, settings)
    # The cache holds hundreds of thousands of lists that are no garbage; to look through them again and again
    # takes as long as the work itself. What little is garbage is collected when nothing else is to be done, and
    # the cache is emptied before: to fill it again costs less than to look through it. With new definitions it is empty
    # anyway, and the programs of the old ones are garbage, which must not wait for an engine that is never idle.
    gc.disable()
    gc.freeze()
    collected, revision = time.monotonic(), engine.statistics.revision
    lock.beat()
    report_ready()
    while not stopping:
        lock.beat()
        try:
            busy = engine.step()
        except StoreFullError as error:
            # The collector answers 503 once the log is full too; until then nothing is lost.
            logger.error("the profiles cannot be written", error=str(error))
            busy = False
        if engine.statistics.revision != revision:
            gc.collect()
            revision = engine.statistics.revision
        if busy:
            continue
        if time.monotonic() - collected > COLLECT_SECONDS:
            engine.rest()
            gc.collect()
            collected = time.monotonic()
        alarm = engine.next_alarm()
        if bell.wait(IDLE_SECONDS if alarm is None else min(alarm, IDLE_SECONDS), also=[STDIN]):
            break
    timer.stop()
    failed.close()
    outbox.close()
    checkpoints.close(store)
    log.close()
    if spans is not None:
        spans.close()


if __name__ == "__main__":
    run_child(run_engine)
