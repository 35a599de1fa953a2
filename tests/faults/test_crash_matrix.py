"""Every process is killed, told to stop and halted at random moments, under a storm of everything at once.

Trackers send 500 events a second, readers read, a publisher publishes one version of a group after the other, and
streams of interventions are open. Whatever dies, values equal a recount of what was acknowledged, and everything that
fires comes once. `make faults` takes 200 moments.
"""

import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import pytest

from conftest import Server, eventually
from fault_figures import IS_LONG, MOMENTS, tell
from snowmelt import AttributeKeyIdentifiers, InterventionInstance, SignalsSandbox, StreamAttributeGroup
from storm import PATIENCE, STORM, Publisher, Reader, Storm, Subscriber, expected_firings, rules

pytestmark = [pytest.mark.process, pytest.mark.crash]

SEED = int(os.environ.get("SNOWMELT_FAULT_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
RATE, TRACKERS, STREAMS, USERS_OF_STREAM, OTHER_USERS = 500, 5, 4, 10, 160
HALT_SECONDS = 5.0 if IS_LONG else 1.0
TOGETHER = 20
"""Moments between two comparisons."""


SETTINGS = """
workers = 2

[[outputs]]
name = "archive"
type = "files"
folder = "archive"
format = "enriched-json"
gzip = false
"""


class Weather(Storm):
    """A storm, and who may die in it."""

    def child(self, module: str) -> int:
        """The process id of a child, once there is one."""
        found: list[int] = []

        def look() -> bool:
            try:
                found.append(self.server.process_of(module))
            except (ProcessLookupError, FileNotFoundError):
                return False
            return True

        eventually(look, f"there is a process {module}", PATIENCE)
        return found[-1]


def signalled(module: str, number: signal.Signals) -> Callable[[Weather], None]:
    def strike(weather: Weather) -> None:
        try:
            os.kill(weather.child(module), number)
        except ProcessLookupError:
            strike(weather)  # it had died of the moment before

    return strike


def halted(module: str) -> Callable[[Weather], None]:
    def strike(weather: Weather) -> None:
        pid = weather.server.process.pid if module == "supervisor" else weather.child(module)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(HALT_SECONDS)  # the fault itself
        finally:
            os.kill(pid, signal.SIGCONT)

    return strike


def kill_supervisor(weather: Weather) -> None:
    weather.server.process.kill()
    weather.server.process.wait()
    weather.server.start()


def kill_all(weather: Weather) -> None:
    weather.server.kill()
    weather.server.start()


def stop_and_start(weather: Weather) -> None:
    assert weather.server.stop() == 0
    weather.server.start()


STRIKES: dict[str, tuple[int, Callable[[Weather], None]]] = {
    "SIGKILL web": (5, signalled("web", signal.SIGKILL)),
    "SIGKILL engine": (5, signalled("engine_process", signal.SIGKILL)),
    "SIGKILL output": (2, signalled("output_process", signal.SIGKILL)),
    "SIGKILL supervisor": (3, kill_supervisor),
    "SIGKILL all": (2, kill_all),
    "SIGTERM web": (2, signalled("web", signal.SIGTERM)),
    "SIGTERM engine": (2, signalled("engine_process", signal.SIGTERM)),
    "SIGTERM server": (2, stop_and_start),
    "SIGSTOP web": (1, halted("web")),
    "SIGSTOP engine": (1, halted("engine_process")),
    "SIGSTOP supervisor": (1, halted("supervisor")),
}


def drawn(rng: random.Random) -> list[str]:
    """The moments, by kind. The first ones are of different kinds, whatever the number."""
    kinds = list(STRIKES)
    weights = [weight for weight, _ in STRIKES.values()]
    first = rng.sample(["SIGKILL web", "SIGKILL engine", "SIGKILL supervisor", "SIGTERM server", "SIGSTOP engine"], 5)
    return (first + rng.choices(kinds, weights, k=max(MOMENTS - 5, 0)))[:MOMENTS]


@pytest.fixture
def weather(tmp_path: Path) -> Iterator[Weather]:
    server = Server(tmp_path / "data", settings=SETTINGS)
    made = Weather(server, SEED)
    yield made
    made.close()
    server.close()


def test_values_and_firings_survive_every_death(weather: Weather) -> None:
    print(f"seed {SEED}")
    began, server, rng = time.monotonic(), weather.server, weather.rng
    watched = [[str(uuid.uuid4()) for _ in range(USERS_OF_STREAM)] for _ in range(STREAMS)]
    users = [*chain(*watched), *(str(uuid.uuid4()) for _ in range(OTHER_USERS))]
    killed: Counter[str] = Counter()
    with ExitStack() as opened:
        signals = opened.enter_context(SignalsSandbox(api_url=server.url, sandbox_token=server.token))
        signals.publish([StreamAttributeGroup.model_validate(STORM), *rules("storm:carts")])
        streams = [Subscriber(signals, some) for some in watched]
        for stream in streams:
            opened.enter_context(stream.subscription)
            assert stream.subscription.wait_until_open(20)
        reader = Reader(server.url, server.token, weather.statuses, users, rng.randrange(2**32))
        publisher = Publisher(server.url, server.token, weather.statuses, pause=8 if IS_LONG else 1)
        workers = [reader, publisher]
        for worker in workers:
            opened.callback(worker.tell_to_stop)
            worker.start()
        moments = drawn(rng)
        for start in range(0, len(moments), TOGETHER):
            weather.blow(users, RATE, TRACKERS)
            weather.go_on()
            for kind in moments[start : start + TOGETHER]:
                time.sleep(rng.uniform(0, 1.0 if IS_LONG else 0.4))  # the moment is random
                STRIKES[kind][1](weather)
                killed[kind] += 1
                if rng.random() < 0.7:  # else the next one comes before this one is over
                    weather.go_on()
            weather.calm()
            weather.judge.compare(rng.sample(users, 40))
            assert weather.judge.differences == [], f"seed {SEED}"
        for worker in workers:
            worker.finish()
        weather.calm()
        waves = [version for version in publisher.versions if ("wave", version) in weather.ledger.since]
        assert waves == publisher.versions
        weather.judge.compare(users, waves[-5:])
        assert weather.judge.differences == [], f"seed {SEED}"
        fired = compare_firings(signals, streams, weather)
    eventually(lambda: server.metrics("snowmelt_output_lag") == [0.0], "the output has everything", PATIENCE)
    assert server.stop() == 0
    written = archived(server.data_dir / "archive" / "good")
    assert Counter(written) == weather.ledger.stored, f"every event of the log is in the output once; seed {SEED}"
    tell(
        "crash matrix",
        seed=SEED,
        moments=sum(killed.values()),
        moments_by_kind=", ".join(f"{kind} {count}" for kind, count in sorted(killed.items())),
        events_acknowledged=weather.acknowledged,
        events_compared=weather.ledger.events,
        reads=reader.reads,
        profiles_compared=weather.judge.profiles,
        values_compared=weather.judge.values,
        differences=len(weather.judge.differences),
        events_sent_and_stored_again=weather.ledger.stored.total() - weather.ledger.events,
        events_in_the_output=len(written),
        versions_published=len(publisher.versions),
        firings_compared=fired,
        firings_lost=0,
        firings_repeated=0,
        requests_tried=weather.statuses.counts.total(),
        requests_by_status=dict(sorted(weather.statuses.counts.items())),
        requests_answered_5xx_but_503=weather.statuses.faults,
        seconds=round(time.monotonic() - began),
    )
    assert weather.statuses.faults == 0


def archived(folder: Path) -> list[str]:
    """The ids of the events in an output's files."""
    return [json.loads(line)["event_id"] for path in folder.iterdir() for line in path.read_text().splitlines()]


def compare_firings(signals: SignalsSandbox, streams: list[Subscriber], weather: Weather) -> int:
    """Every firing has come once, the changes of a user in order; returns how many there were."""
    due = {
        user: expected_firings(weather.ledger.value(STORM, STORM["attributes"][1], user, 2**45) or 0)
        for stream in streams
        for user in stream.users
    }
    total = sum(map(len, due.values()))
    eventually(lambda: sum(len(one.received) for one in streams) >= total, "everything has come", PATIENCE)
    for stream in streams:
        # What comes after it would be one too many.
        target = AttributeKeyIdentifiers({"domain_userid": stream.users[:1]})
        assert signals.push_intervention(target, InterventionInstance(name="end", version=1)) == "success"
        eventually(lambda stream=stream: stream.received[-1].name == "end", "the end comes")
        due[stream.users[0]].append("end")
    lost, repeated = Counter[str](), Counter[str]()
    for stream in streams:
        for user in stream.users:
            come, wanted = Counter(stream.names(user)), Counter(due[user])
            lost, repeated = lost + (wanted - come), repeated + (come - wanted)
            changes = [name for name in stream.names(user) if name.startswith("every")]
            assert changes == [name for name in due[user] if name.startswith("every")], f"in order; seed {SEED}"
        ids = [one.intervention_id for one in stream.received]
        assert len(set(ids)) == len(ids)
    assert (lost, repeated) == (Counter(), Counter()), f"seed {SEED}"
    return total
