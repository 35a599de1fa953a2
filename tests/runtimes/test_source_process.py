"""When a source lets the engine catch up."""

import time
from pathlib import Path

from snowmelt.runtimes.source_process import BEHIND_SECONDS, engine_is_behind
from snowmelt.stores.event_log import EventLog, Kind


def test_the_engine_is_behind_when_what_it_is_to_apply_next_is_old(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    assert not engine_is_behind(log, 0)
    now = int(time.time() * 1000)
    old = now - int((BEHIND_SECONDS + 5) * 1000)
    log.append([(Kind.EVENTS, old, b"a"), (Kind.EVENTS, now, b"b")])
    assert engine_is_behind(log, 0)
    assert not engine_is_behind(log, 1)
    assert not engine_is_behind(log, 2)
    log.close()
