"""Kills between the request to erase and its answer: afterwards it is done, whole, or was never begun."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from conftest import Server, eventually
from people import FIGURES, SETTINGS, People, Person, hits, measured
from snowmelt.runtimes.data_dir import DataDir

pytestmark = pytest.mark.process

ROUNDS = int(os.environ.get("SNOWMELT_ERASE_ROUNDS", "2"))
LONGEST_PAUSE = 0.4
"""Seconds from the request to the kill; an erasure here takes about 0.3 s."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", settings=SETTINGS)
    yield running
    running.close()


def kill_engine(server: Server) -> None:
    os.kill(server.process_of("engine_process"), signal.SIGKILL)


def kill_web(server: Server) -> None:
    os.kill(server.process_of("web"), signal.SIGKILL)


def kill_all(server: Server) -> None:
    server.kill()
    server.start()


KILLS: tuple[Callable[[Server], None], ...] = (kill_engine, kill_all, kill_web, kill_engine)


class Request(threading.Thread):
    """An erasure that is asked for while the server may be killed."""

    def __init__(self, people: People, person: Person) -> None:
        super().__init__(daemon=True)
        self._people, self._person = people, person
        self.answered = False
        self.start()

    def run(self) -> None:
        try:
            self._people.erase(**self._person.identifiers)
            self.answered = True
        except httpx.HTTPError:
            pass  # cut off: whether it was begun is not known


def receipts(server: Server) -> int:
    return len(list(DataDir(server.data_dir).erasures.glob("*.json")))


def is_settled(server: Server) -> bool:
    """Whether everything that came into the log is done, erasures too."""
    try:
        server.flush()
    except Exception:
        return False
    return not list(DataDir(server.data_dir).erasures.glob("*.job"))


def test_a_kill_at_any_moment_leaves_nobody_half_erased(server: Server) -> None:
    seed = int.from_bytes(os.urandom(4))
    rng = random.Random(seed)
    people = People(server)
    people.publish()
    bob = Person("bob")
    people.visit(bob)
    others = people.everything(bob)
    came: Counter[str] = Counter()
    scanned = size = 0
    for number in range(ROUNDS):
        ann = Person(f"ann{number}")
        people.visit(ann)
        before = people.everything(ann)
        done = receipts(server)
        request = Request(people, ann)
        time.sleep(rng.random() ** 2 * LONGEST_PAUSE)
        kill = KILLS[number % len(KILLS)]
        kill(server)
        eventually(lambda: is_settled(server), f"all is done after {kill.__name__}, seed {seed}", 60)
        request.join(90)
        people.http.close()
        people = People(server)
        found = people.everything(ann)
        rest = {kind for one in found.values() for kind, rows in one.items() if rows}
        place = f"round {number}, {kill.__name__}, seed {seed}"
        if receipts(server) > done:
            came["done" if request.answered else "done, answer cut off"] += 1
        else:
            # The request never came into the log.
            assert not request.answered, place
            assert found == before, place
            came["to be asked for again"] += 1
            people.erase(**ann.identifiers)
            rest = {kind for one in people.everything(ann).values() for kind, rows in one.items() if rows}
        assert rest == {"identifiers"}, place
        assert hits(server.data_dir, ann) == {}, place
        assert people.everything(bob) == others, place
        files, bytes_of = measured(server.data_dir)
        scanned, size = scanned + files, size + bytes_of
    people.http.close()
    FIGURES.append(
        f"kills between request and answer: {ROUNDS}; erasures: {dict(came)}; half erased: 0; "
        f"files scanned: {scanned}, {size:,} bytes, hits: 0; differences of others: 0; seed {seed}"
    )
