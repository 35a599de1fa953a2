"""Erasing somebody: what goes with a commit of the engine, what after it, and what is answered in the end."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from snowmelt.events.erasure import Erasure, Subject
from snowmelt.events.mentions import Mentions, is_long
from snowmelt.runtimes.held_rows import erase_rows, goes_to, kept_by, targets_of
from snowmelt.runtimes.snapshot import Snapshot, read_snapshot
from snowmelt.stores.checkpoint import Checkpoints
from snowmelt.stores.environment import DRAFT, beside, sync_path
from snowmelt.stores.erased_records import without
from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.event_log import EventLog, Kind, Record, decode_erasure, encode_erasure
from snowmelt.stores.failed_events import Failed, FailedEvents
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.profiles import Commit, ProfileStore
from snowmelt.stores.webhook_queue import WebhookQueue
from snowmelt.stores.webhooks import Webhooks

RETRY_SECONDS = 30.0
RECEIPTS_KEPT = 10_000
JOB, RECEIPT = ".job", ".json"

logger = structlog.get_logger("snowmelt.engine")

_encode = msgspec.json.Encoder().encode
_text_of = msgspec.json.Encoder().encode


class Job(msgspec.Struct, kw_only=True):
    """An erasure whose rows are gone from the profiles, and which is not finished elsewhere.

    Args:
        sequence: its place in the event log.
        erasure: whom it is about.
        removed: how much of each kind is gone by now.
        left: what still names them, by kind, and cannot be taken apart.
        receipt: once all is done; then the job names nobody any more either.
    """

    sequence: int
    erasure: Erasure
    removed: dict[str, int] = {}
    left: dict[str, int] = {}
    receipt: "Receipt | None" = None


class Receipt(msgspec.Struct, kw_only=True):
    """What is answered: nothing in it says who was erased.

    Args:
        id: of the request.
        keys: the attribute keys that it named.
        requested: when, as ISO 8601.
        finished: when nothing was left to be done.
        removed: how much of each kind is gone.
        left: what in the server's own stores still holds an identifier, as a value of something else.
        unreachable: where copies may be that the server cannot reach.
    """

    id: str
    keys: list[str]
    requested: str
    finished: str
    removed: dict[str, int]
    left: dict[str, int]
    unreachable: list[str]


_read_job = msgspec.json.Decoder(Job).decode


class Erasures:
    """Carries erasures out, each whole, whenever the process dies.

    The rows in the profile store go in the engine's transaction that takes the request from the log. Before that the
    job is written down in a file, so that a process that dies afterwards is followed by one that goes on. The other
    stores are written anew one after the other; doing that twice is as good as once. The log, which holds the request
    too, comes last, after the checkpoint: until then a power cut brings the request back with everything else.

    Args:
        folder: for jobs and receipts; made if absent.
        log: the event log.
        store: the profiles.
        checkpoints: of them.
        failed: the failed events.
        outbox: what is on its way to subscribers.
        webhooks: the database of webhooks, which need not be there.
        unreachable: where copies may be that are out of reach.
        clock: ms since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        log: EventLog,
        store: ProfileStore,
        checkpoints: Checkpoints,
        failed: FailedEvents,
        outbox: Outbox,
        webhooks: Path,
        unreachable: Sequence[str] = (),
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._folder = folder
        self._log, self._store, self._checkpoints = log, store, checkpoints
        self._failed, self._outbox, self._webhooks = failed, outbox, webhooks
        self._unreachable, self._clock = list(unreachable), clock
        self._not_before = 0.0
        folder.mkdir(mode=0o700, exist_ok=True)
        for leftover in (log.path, store.path, outbox.path):
            shutil.rmtree(beside(leftover, DRAFT), ignore_errors=True)
        for draft in folder.glob("*.new"):
            draft.unlink()
        jobs = [_read_job(path.read_bytes()) for path in folder.glob(f"*{JOB}")]
        # A job that is ahead of the profiles was not committed: the engine meets its record again.
        for job in jobs:
            if job.sequence > store.position:
                self._path(job.erasure.id, JOB).unlink()
        self._jobs = sorted((job for job in jobs if job.sequence <= store.position), key=lambda job: job.sequence)

    def begin(self, record: Record, commit: Commit, snapshot: Snapshot | None) -> None:
        """Delete the rows of a request in the engine's transaction, and write down what is still to be done.

        Raises:
            StoreFullError: if there is no room for that.
            StoreError: if it cannot be written for another reason.
        """
        try:
            erasure = decode_erasure(record.body)
        except msgspec.MsgspecError as error:
            # The engine must get past it: it would meet it again at every start.
            logger.error("a request to erase somebody cannot be read", record=record.sequence, error=str(error))
            return
        if not erasure.subjects:  # it was done before the profiles were put back to a checkpoint
            return
        removed = erase_rows(commit, kept_by(snapshot), erasure.subjects)
        job = Job(sequence=record.sequence, erasure=erasure, removed=removed)
        self._write(job)
        self._jobs = [one for one in self._jobs if one.sequence != job.sequence] + [job]

    def abandon(self, sequence: int) -> None:
        """Forget a job whose transaction was not committed; its record is met again."""
        self._jobs = [one for one in self._jobs if one.sequence != sequence]

    def work(self) -> bool:
        """Finish the first erasure that is not finished; whether one was.

        Whatever is wrong with a store must not stop the engine: it is tried again after a while.
        """
        if not self._jobs or time.monotonic() < self._not_before:
            return False
        job = self._jobs[0]
        started = time.monotonic()
        try:
            self._finish(job)
        except Exception as error:
            logger.error("an erasure is not finished, it is tried again", erasure=job.erasure.id, error=repr(error))
            self._not_before = time.monotonic() + RETRY_SECONDS
            return False
        self._jobs.pop(0)
        seconds = round(time.monotonic() - started, 3)
        logger.info("erased", erasure=job.erasure.id, removed=job.removed, left=job.left, seconds=seconds)
        return True

    def _finish(self, job: Job) -> None:
        if job.receipt is None:
            self._erase(job)
            self._write(job)
        self._save(self._path(job.erasure.id, RECEIPT), _encode(job.receipt))
        self._path(job.erasure.id, JOB).unlink(missing_ok=True)
        sync_path(self._folder)
        self._drop_receipts()

    def _erase(self, job: Job) -> None:
        subjects = job.erasure.subjects
        mentions = Mentions(subjects)
        self._note(job, "failed_events", self._failed.erase(lambda one: names(one, mentions)))
        self._note(job, "deliveries", self._outbox.erase(lambda one: goes_to(one, subjects)))
        self._note(job, "webhook_messages", self._erase_webhooks(subjects))
        job.left = self._left(mentions)
        self._checkpoints.renew(self._store)
        self._note(job, "log_records", self._erase_log(job, mentions))
        # The sender of webhooks may have taken something out of the outbox just before that was written anew.
        self._note(job, "webhook_messages", self._erase_webhooks(subjects))
        job.receipt = Receipt(
            id=job.erasure.id,
            keys=[one.key for one in subjects],
            requested=_instant(job.erasure.time),
            finished=_instant(self._clock()),
            removed=job.removed,
            left=job.left,
            unreachable=self._unreachable,
        )
        job.erasure = msgspec.structs.replace(job.erasure, subjects=())

    def _erase_webhooks(self, subjects: Sequence[Subject]) -> int:
        if not self._webhooks.exists():
            return 0
        webhooks = Webhooks(self._webhooks)
        try:
            return WebhookQueue(webhooks).erase(targets_of(subjects))
        finally:
            webhooks.close()

    def _erase_log(self, job: Job, mentions: Mentions) -> int:
        gone = 0

        def change(record: Record) -> bytes | None:
            nonlocal gone
            body = bytes(record.body)
            if record.sequence > job.sequence:
                return body
            if record.kind is Kind.ERASURE:
                request = decode_erasure(body)
                if request.id == job.erasure.id:
                    return encode_erasure(msgspec.structs.replace(request, subjects=()))
                return body
            kept = without(record, mentions)
            gone += kept != body
            return kept

        self._log.rewrite(change)
        return gone

    def _left(self, mentions: Mentions) -> dict[str, int]:
        """What in the profiles still holds one of the identifiers, as a value of others, by what keeps it."""
        snapshot = read_snapshot(self._store.definitions) if self._store.definitions else None
        kept = kept_by(snapshot)
        found: dict[str, int] = {}
        for state_id, key, value in self._store.rows():
            if mentions.in_bytes(value) or mentions.in_bytes(key):
                one = kept.get(state_id)
                title = f"{one.kind} of {one.title}" if one else "values that are being dropped"
                if one is not None and one.key is not None:
                    title += f", under {one.key}"
                found[title] = found.get(title, 0) + 1
        if self._store.definitions and mentions.in_bytes(self._store.definitions):
            found["definitions"] = 1
        if any(not is_long(subject) for subject in mentions.subjects):
            found["short identifiers, which were not looked for in values of others"] = sum(
                not is_long(subject) for subject in mentions.subjects
            )
        return found

    def _note(self, job: Job, kind: str, count: int) -> None:
        job.removed[kind] = job.removed.get(kind, 0) + count
        self._write(job)

    def _write(self, job: Job) -> None:
        try:
            self._save(self._path(job.erasure.id, JOB), _encode(job))
        except OSError as error:
            kind = StoreFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
            raise kind(f"an erasure cannot be written down in {self._folder}: {error}") from error

    def _save(self, path: Path, content: bytes) -> None:
        draft = path.with_suffix(".new")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_path(self._folder)

    def _drop_receipts(self) -> None:
        receipts = sorted(self._folder.glob(f"*{RECEIPT}"), key=lambda path: path.stat().st_mtime)
        for old in receipts[:-RECEIPTS_KEPT]:
            old.unlink()

    def _path(self, id: str, suffix: str) -> Path:
        return self._folder / f"{id}{suffix}"


def names(failed: Failed, mentions: Mentions) -> bool:
    """Whether a failed event names somebody."""
    return mentions.in_text(f"{failed.reason}\n{_text_of(failed.row).decode()}")


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
