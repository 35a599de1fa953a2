"""The engine's clock is set forward and back: nothing waits for the hour to come again, nothing fires twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machine import Machine, attribute, group, page_view, request, rule
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.validation import SchemasUnavailable

HOUR = 3_600_000


class Moody(Enricher):
    """Has no schemas for a while."""

    has_schemas = True

    def enrich(self, *arguments: Any, **options: Any) -> Any:
        if not self.has_schemas:
            raise SchemasUnavailable("not now")
        return super().enrich(*arguments, **options)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    running = Machine(tmp_path, Moody())
    yield running
    running.close()


def test_events_that_wait_for_schemas_do_not_wait_for_the_clock(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.run()
    machine.track("u")
    Moody.has_schemas = False
    try:
        assert not machine.engine.step()
        waits = machine.engine.next_alarm()
        assert waits is not None and 0 < waits <= 0.5
    finally:
        Moody.has_schemas = True
    machine.now -= HOUR
    machine.run()
    assert machine.value(1, "u") == 1


@pytest.mark.parametrize("jumps", [[HOUR, -HOUR], [-HOUR, HOUR], [HOUR, -HOUR, HOUR, -HOUR]])
def test_what_fires_by_time_fires_once(machine: Machine, jumps: list[int]) -> None:
    lately = attribute(name="lately", period="PT10M")
    over = rule("over", {"attribute": "g:lately", "operator": "is null"})
    machine.define(1, {1: group("g", lately)}, rules={2: over})
    machine.run()
    machine.track("u")
    machine.run()
    for jump in jumps:
        machine.now += jump
        machine.append(request(page_view("v"), timestamp=machine.now))
        machine.run()
        machine.run()
        machine.restart()
    machine.now += HOUR
    for _ in range(3):
        machine.run()
    assert sorted(machine.sent()) == [("over", "u"), ("over", "v")]


def test_an_id_that_came_before_is_known_after_a_jump(machine: Machine) -> None:
    machine.define(1, {1: group()})
    machine.run()
    for jump in (0, HOUR, -2 * HOUR, 20 * HOUR):
        machine.now += jump
        machine.append(request(page_view("u", eid="8c1bd1a4-1a0c-4c5e-9ad4-0b7c5c1f2a3b")))
        machine.run()
        machine.restart()
    assert machine.value(1, "u") == 1
    assert machine.engine.statistics.repeated == 3
