"""The process of a preview, without a server: its bounds, and what the log no longer holds."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from snowmelt.definitions import AtomicProperty, Attribute, StreamAttributeGroup, domain_userid
from snowmelt.previews.job import PreviewAnswer, PreviewFailed, PreviewJob
from snowmelt.runtimes.previewer import Previewer
from snowmelt.settings import PreviewSettings, Settings
from snowmelt.stores.event_log import EventLog, Kind

URL = AtomicProperty(name="page_url")
GROUP = StreamAttributeGroup(
    name="pages",
    attribute_key=domain_userid,
    owner="a@example.com",
    attributes=[
        Attribute(
            name="urls",
            type="string_list",
            aggregation="unique_list",
            events=[],
            property=URL,
        )
    ],
)
JOB = PreviewJob(3_600_000, [GROUP.model_dump(mode="json", by_alias=True, exclude_none=True)])
NOW = time.time_ns() // 1_000_000


def lines(first: int, count: int) -> bytes:
    events = (
        {"event_id": f"e{one}", "domain_userid": f"u{one}", "page_url": f"http://x/{one}/{'x' * 800}"}
        for one in range(first, first + count)
    )
    return "\n".join(json.dumps(one) for one in events).encode()


def previewed(path: Path, job: PreviewJob = JOB, **limits: Any) -> PreviewAnswer:
    settings = Settings.model_construct(**dict(Settings()))
    settings.log = settings.log.model_copy(update={"map_size": 2**28})
    settings.previews = PreviewSettings(**limits)
    return asyncio.run(Previewer(path, settings)(job))


def test_too_much_memory_is_refused_and_nothing_else_suffers(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 2**28)
    log.append([(Kind.EVENTS, NOW, lines(first, 5_000)) for first in range(0, 120_000, 5_000)])
    with pytest.raises(PreviewFailed, match="memory"):
        previewed(log.path, memory_mb=128)
    assert len(previewed(log.path, memory_mb=2048).answer) == 10
    log.close()


def test_what_is_older_than_the_window_does_not_count(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 2**28)
    hour, now = 3_600_000, time.time_ns() // 1_000_000
    log.append([(Kind.EVENTS, now - 2 * hour + one, lines(one, 1)) for one in range(900)])
    empty = previewed(log.path)
    assert empty.answer == [] and abs(empty.since - (now - hour)) < 60_000
    log.append([(Kind.EVENTS, NOW - hour // 2, lines(1_000, 3)), (Kind.EVENTS, NOW, b"no json\n" + lines(2_000, 1))])
    found = previewed(log.path)
    assert [row["domain_userid"] for row in found.answer] == ["u1000", "u1001", "u1002", "u2000"]
    assert len(previewed(log.path, JOB._replace(window_ms=3 * hour, key_ids=["u5", "u1000", "nobody"])).answer) == 2
    log.trim(900, NOW)
    assert previewed(log.path).since == NOW - hour // 2, "the log has dropped what is older"
    log.close()


def test_an_empty_log(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log", 2**28)
    found = previewed(log.path)
    assert found.answer == [] and found.since >= NOW
    log.close()
