"""How far each output has come in the event log, and how long the log waits for it."""

import msgspec

from snowmelt.settings_connectors import FilesOutput, KafkaOutput
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.notes import Note

KIND = "output"


class OutputProgress(msgspec.Struct, array_like=True):
    """The note of an output.

    Args:
        name: of the output.
        position: place in the log up to which all is written.
        events: good events that were written.
        failed: failed events that were written.
        missed: records of the log that were dropped before they were written.
        files: what the output must find again, such as the sizes of its open files.
    """

    name: str
    position: int
    events: int = 0
    failed: int = 0
    missed: int = 0
    files: dict[str, tuple[str, int, int]] = {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(OutputProgress).decode


def all_progress(log: EventLog) -> list[OutputProgress]:
    """Of every output, by name."""
    return sorted(map(_decode, log.notes(KIND)), key=lambda each: each.name)


def load(log: EventLog, name: str) -> OutputProgress:
    """Of one output, which is noted first if it is new: it begins at the end of the log."""
    if log.note(KIND, name) is None:
        save(log, OutputProgress(name, log.head()), None)
    stored = log.note(KIND, name)
    assert stored is not None
    return _decode(stored)


def save(log: EventLog, progress: OutputProgress, was: OutputProgress | None) -> None:
    """Note how far an output has come, on the disk.

    Args:
        log: holds the note.
        progress: the new state.
        was: the state that it follows; ``None`` if there is none.

    Raises:
        NoteMovedError: another process writes the same output.
        StoreError: the log cannot be written.
    """
    log.append([], [Note(KIND, (progress.name,), _encode(was) if was else None, _encode(progress))])


def settle_outputs(log: EventLog, outputs: list[FilesOutput | KafkaOutput]) -> None:
    """Have a note for each output of the settings, and for no other, before anything is acknowledged.

    A new output gets what comes from now on. One that was taken out of the settings is forgotten, so that it does not
    hold anything up, and begins anew if it ever comes back.
    """
    names = {output.name for output in outputs}
    for progress in all_progress(log):
        if progress.name not in names:
            log.append([], [Note(KIND, (progress.name,), _encode(progress), None)])
        names.discard(progress.name)
    for name in sorted(names):
        load(log, name)


def trim_log(
    log: EventLog, covered: int, retention_ms: int, now_ms: int, outputs: list[FilesOutput | KafkaOutput]
) -> int:
    """Drop records that nobody needs any more; what an output has not taken waits for it, but not for ever.

    Args:
        log: whose records.
        covered: place up to which a checkpoint of the profiles goes.
        retention_ms: how long records are kept at least.
        now_ms: the present.
        outputs: of the settings.

    Returns:
        How many were dropped.
    """
    if not outputs:
        return log.trim(covered, now_ms - retention_ms)
    positions = {progress.name: progress.position for progress in all_progress(log)}
    taken = min([covered, *(positions[output.name] for output in outputs if output.name in positions)])
    dropped = log.trim(taken, now_ms - retention_ms)
    patience = max([retention_ms, *(int(output.keep_hours * 3_600_000) for output in outputs)])
    return dropped + log.trim(covered, now_ms - patience)
