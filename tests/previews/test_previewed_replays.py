"""What a preview makes of failed events that were tried again: each counts once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from machine import NOW, group, page_view, request
from snowmelt.compute.plan import plan_group
from snowmelt.definitions import read_group
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.previews.replay import replay
from snowmelt.stores.failed_events import Filter
from strict_machine import ORDER, Strict, with_order

HOUR = 3_600_000


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Strict]:
    one = Strict(tmp_path, duplicate_hours=0)
    yield one
    one.machine.close()


def counted(strict: Strict, since: int = NOW) -> dict[str, int]:
    """How many events of each user a preview sees that looks for schemas by itself."""
    enricher = Enricher(validator=strict.gate())
    found = replay(strict.machine.log, enricher, [plan_group(read_group(group()), 1)], since, strict.machine.now)
    return {user: profile[1] for user, profile in found.profiles[1].items()}


@pytest.mark.parametrize("parameters", [{}, {"eid": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01"}], ids=["no id", "id"])
def test_what_is_good_where_it_came_first_counts_there_alone(strict: Strict, parameters: dict[str, str]) -> None:
    machine = strict.machine
    machine.append(request(page_view("before"), with_order("u", **parameters)))
    machine.run()
    assert counted(strict) == {"before": 1}
    strict.have_schema()
    for _ in range(2):
        strict.replay(Filter())
    machine.run()
    assert machine.value(1, "u") == 1
    assert counted(strict) == {"before": 1, "u": 1}


@pytest.mark.parametrize("parameters", [{}, {"eid": "7c9a2a4e-4d2c-4a0b-8c38-2b8f6a1d0e01"}], ids=["no id", "id"])
def test_a_replay_counts_where_the_request_was_before_the_window(strict: Strict, parameters: dict[str, str]) -> None:
    machine = strict.machine
    machine.append(request(with_order("u", **parameters)))
    machine.run()
    strict.have_schema()
    machine.now += HOUR
    strict.replay(Filter())
    strict.replay(Filter())
    machine.run()
    assert counted(strict, since=NOW + HOUR // 2) == {"u": 1}


def test_what_failed_again_does_not_count(strict: Strict) -> None:
    machine = strict.machine
    machine.append(request(with_order("u"), page_view("v")))
    machine.run()
    strict.replay()
    machine.run()
    assert counted(strict) == {"v": 1}


def test_a_request_that_could_not_be_read_counts_once(strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = strict.machine

    def break_down(*arguments: object) -> None:
        raise RuntimeError("a bug that is mended later")

    with monkeypatch.context() as patch:
        patch.setattr("snowmelt.enrichment.pipeline._collector_facts", break_down)
        machine.append(request(page_view("u"), with_order("u"), page_view("v")))
        machine.run()
    strict.replay()
    machine.run()
    assert counted(strict) == {"u": 1, "v": 1}
    assert ORDER not in strict.shelf.has
    strict.have_schema()
    strict.replay()
    machine.run()
    assert counted(strict) == {"u": 2, "v": 1}
