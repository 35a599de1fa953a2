"""Who is let in to what became of events, as the settings say."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from snowmelt.api.auth import Gate, Refusal
from snowmelt.micro.door import MicroDoor
from snowmelt.runtimes.micro import micro_door
from snowmelt.settings import MicroSettings, Settings
from snowmelt.stores.event_log import EventLog


class NobodyEnters:
    """Refuses whoever asks."""

    def refusal(self, *arguments: Any) -> Refusal:
        return Refusal(401, "no")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(tmp_path / "log", 2**24)
    yield opened
    opened.close()


def answer(door: MicroDoor) -> httpx.Response:
    async def ask() -> httpx.Response:
        await door.prepare()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://here") as client:
            return await client.get("/micro/all")

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("micro", "host", "status"),
    [
        (MicroSettings(), "127.0.0.1", 404),
        (MicroSettings(public=True), "0.0.0.0", 404),
        (MicroSettings(enabled=True), "127.0.0.1", 200),
        (MicroSettings(enabled=True), "::1", 200),
        (MicroSettings(enabled=True), "0.0.0.0", 401),
        (MicroSettings(enabled=True), "192.0.2.7", 401),
        (MicroSettings(enabled=True, public=True), "0.0.0.0", 200),
    ],
)
def test_who_is_let_in(log: EventLog, tmp_path: Path, micro: MicroSettings, host: str, status: int) -> None:
    settings = Settings.model_construct(**dict(Settings()))
    settings.micro, settings.data_dir = micro, tmp_path
    found = answer(micro_door(settings, log, cast(Gate, NobodyEnters()), host))
    assert found.status_code == status
    if status == 404:
        assert "micro.enabled" in found.json()["detail"]


def test_it_is_off_unless_it_is_wanted() -> None:
    assert not Settings().micro.enabled
