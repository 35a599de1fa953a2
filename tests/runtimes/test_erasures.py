"""An engine that erases: in its place among events, whole whatever dies, and without touching others."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from machine import Machine, event_log, group, page_view, request, rule
from snowmelt.events.erasure import Erasure, Subject
from snowmelt.runtimes import erasures as module
from snowmelt.runtimes.erasures import Erasures
from snowmelt.stores.checkpoint import Checkpoints
from snowmelt.stores.errors import StoreError, StoreFullError
from snowmelt.stores.event_log import Kind, encode_erasure
from snowmelt.stores.failed_events import Failed, FailedEvents
from snowmelt.stores.outbox import Delivery, Outbox
from snowmelt.stores.webhook_queue import WebhookQueue
from snowmelt.stores.webhooks import Webhooks

ANN, BOB = "ann@example.com", "bob@example.com"
GROUP, RULE, WAITING, LOG, RESTING = 1, 3, 4, 5, 6


class Died(BaseException):
    """Stands for the end of the process."""


class ErasingMachine(Machine):
    """An engine that erases; a new life has new erasures, as a new process has."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.checkpoints = Checkpoints(folder)
        super().__init__(folder, **options)

    def start(self) -> None:
        super().start()
        self.engine._erasures = Erasures(
            self.folder / "erasures",
            log=self.log,
            store=self.store,
            checkpoints=self.checkpoints,
            failed=self.failed,
            outbox=self.outbox,
            webhooks=self.folder / "webhooks.sqlite",
            clock=lambda: self.now,
        )

    def ask(self, number: int, identifier: str = ANN, key: str = "user_id") -> str:
        subject = Subject(key=key, names=(key,), places=(key, "uid"), identifier=identifier)
        id = f"{number:032x}"
        self.log.append([(Kind.ERASURE, self.now, encode_erasure(Erasure(id=id, time=self.now, subjects=(subject,))))])
        return id

    def receipt(self, id: str) -> dict[str, Any] | None:
        path = self.folder / "erasures" / f"{id}.json"
        return msgspec.json.decode(path.read_bytes()) if path.exists() else None

    def files_with(self, text: str) -> list[str]:
        self.store.sync()
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [str(path.relative_to(self.folder)) for path in files if text.encode() in path.read_bytes()]

    def visit(self, user: str) -> None:
        """What makes the rules fire and wait, a failed event, and posts to a webhook."""
        self.append(request(page_view(user), page_view(user)))
        self.run()
        self.failed.add([Failed(self.log.head(), 7, self.now, "x", f"of {user}", {})])
        webhooks = Webhooks(self.folder / "webhooks.sqlite", lambda: self.now)
        queue = WebhookQueue(webhooks)
        if deliveries := self.outbox.read(queue.place()):
            queue.take(deliveries, webhooks.endpoints())
        webhooks.close()

    def held(self, user: str) -> dict[str, Any]:
        """What the stores have of a user, compared as it is."""
        return {
            "profile": self.profile(GROUP, user),
            "mark": self.profile(RULE, f"F\0user_id\0{user}"),
            "resting mark": self.profile(RESTING, f"F\0user_id\0{user}"),
            "waits": [value for _, value in self._waits() if user.encode() in value],
            "alarms": self._alarms(user),
            "sent": [name for name, target in self.sent() if target == user],
            "failed": [one.sequence for one in self.failed.list() if user in one.reason],
            "posts": self._messages(user),
        }

    def _waits(self) -> list[tuple[str, bytes]]:
        with self.store.commit() as commit:
            return commit.waits(WAITING)

    def _alarms(self, user: str) -> list[int]:
        waits = self._waits()
        meant, known = ({key for key, value in waits if text in value} for text in (user.encode(), b""))
        with self.store.commit() as commit:
            # One without a wait is somebody's who is gone.
            return [one.at for one in commit.due(2**60, 100) if one.key in meant or one.key not in known]

    def _messages(self, user: str) -> int:
        webhooks = Webhooks(self.folder / "webhooks.sqlite")
        try:
            return len(WebhookQueue(webhooks).meant({("user_id", user)}))
        finally:
            webhooks.close()


NOTHING = {
    "profile": None,
    "mark": None,
    "resting mark": None,
    "waits": [],
    "alarms": [],
    "sent": [],
    "failed": [],
    "posts": 0,
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[ErasingMachine]:
    """Of two people everything is kept that can be."""
    machine = ErasingMachine(tmp_path)
    quiet = {"name": "quiet", "type": "double", "aggregation": "time_since_last", "time_unit": "s", "events": []}
    groups = {GROUP: group("g", {"name": "n", "type": "int64", "aggregation": "counter", "events": []}, quiet)}
    published = {RULE: rule(), WAITING: rule("waiting", {"attribute": "g:quiet", "operator": ">=", "value": 60})}
    webhooks = Webhooks(tmp_path / "webhooks.sqlite", lambda: machine.now)
    webhooks.add("crm", "https://crm.example/")
    webhooks.close()
    machine.define(1, groups, rules=published | {RESTING: rule("resting")}, logs={LOG: event_log()})
    machine.visit(ANN)
    machine.visit(BOB)
    machine.append(request(page_view(ANN), page_view(BOB)))
    # What it has fired for is still known of the one that is not published any more.
    machine.define(2, groups, rules=published, resting=(RESTING,))
    machine.run()
    machine.checkpoints.take(machine.store)
    yield machine
    machine.close()


def test_somebody_is_gone_from_every_store_and_nobody_else_is_touched(machine: ErasingMachine) -> None:
    bob = machine.held(BOB)
    assert all(machine.held(ANN).values())
    assert machine.held(ANN).keys() == NOTHING.keys()
    id = machine.ask(1)
    machine.run()
    assert machine.held(ANN) == NOTHING
    assert machine.held(BOB) == bob
    assert machine.files_with(ANN) == []
    receipt = machine.receipt(id)
    assert receipt is not None
    assert receipt["keys"] == ["user_id"]
    assert receipt["removed"] == {
        "values": 1,
        "event_logs": 0,
        "interventions": 2,
        "timers": 1,
        "deliveries": 2,
        "failed_events": 1,
        "webhook_messages": 2,
        "log_records": 2,
    }


STEPS = {
    "before the commit": (module, "erase_rows"),
    "failed events": (FailedEvents, "erase"),
    "outbox": (Outbox, "erase"),
    "webhooks": (Erasures, "_erase_webhooks"),
    "checkpoint": (Checkpoints, "renew"),
    "log": (Erasures, "_erase_log"),
    "receipt": (Erasures, "_drop_receipts"),
}
"""Where the process may die."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_step_leaves_nothing_half_done(
    machine: ErasingMachine, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    bob = machine.held(BOB)
    for number, (step, (owner, name)) in enumerate(STEPS.items()):
        machine.visit(ANN)
        assert sum(map(bool, machine.held(ANN).values())) >= len(NOTHING) - 1
        id = machine.ask(number)
        works: Callable[..., Any] = getattr(owner, name)

        def dies(*arguments: Any, works: Callable[..., Any] = works) -> None:
            if after:
                works(*arguments)
            raise Died

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, dies)
            with pytest.raises(Died):
                machine.run()
        machine.restart()
        machine.run()
        assert machine.held(ANN) == NOTHING, step
        assert machine.held(BOB) == bob, step
        assert machine.files_with(ANN) == [], step
        assert machine.receipt(id), step
        assert not list((machine.folder / "erasures").glob("*.job")), step


def test_a_power_cut_at_any_step_does_not_bring_anybody_back(
    machine: ErasingMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profiles go back to the checkpoint, which may be older than the request."""
    for number, (step, (owner, name)) in enumerate(STEPS.items()):
        machine.visit(ANN)
        machine.ask(number)

        def dies(*arguments: Any, **named: Any) -> None:
            raise Died

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, dies)
            with pytest.raises(Died):
                machine.run()
        machine.die()
        data = (machine.folder / "profiles.checkpoint" / "data.mdb").read_bytes()
        (machine.folder / "profiles" / "data.mdb").write_bytes(data)
        (machine.folder / "profiles" / "lock.mdb").unlink()
        machine.start()
        machine.run()
        assert machine.held(ANN) == NOTHING, step
        assert machine.files_with(ANN) == [], step
        assert machine.value(GROUP, BOB) == 3, step


def test_events_before_the_request_go_and_events_after_it_count_for_somebody_new(machine: ErasingMachine) -> None:
    machine.track(ANN)
    machine.ask(1)
    machine.track(ANN, ANN)
    machine.run()
    assert machine.value(GROUP, ANN) == 2
    assert machine.sent().count(("hello", ANN)) == 1
    machine.restart()
    machine.run()
    assert machine.value(GROUP, ANN) == 2


def test_a_store_that_refuses_does_not_stop_the_engine(
    machine: ErasingMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise StoreError("the disk is full")

    id = machine.ask(1)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "renew", refuse)
        machine.track(BOB)
        machine.run()
        assert machine.value(GROUP, BOB) == 4
        assert machine.receipt(id) is None
    machine.restart()
    machine.run()
    assert machine.receipt(id)
    assert machine.files_with(ANN) == []


def test_what_cannot_be_written_down_is_not_begun(machine: ErasingMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = machine.held(ANN)
    id = machine.ask(1)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patched:
        patched.setattr(Erasures, "_save", full)
        with pytest.raises(StoreFullError, match="no room"):
            machine.run()
        assert machine.held(ANN) == ann
    machine.run()
    assert machine.held(ANN) == NOTHING
    assert machine.receipt(id)


def test_a_request_that_cannot_be_read_holds_nothing_up(machine: ErasingMachine) -> None:
    machine.log.append([(Kind.ERASURE, machine.now, b"nonsense")])
    machine.track(BOB)
    machine.run()
    assert machine.value(GROUP, BOB) == 4


def test_several_requests_are_done_one_after_the_other(machine: ErasingMachine) -> None:
    ids = [machine.ask(1), machine.ask(2), machine.ask(3, BOB)]
    machine.run()
    receipts = [machine.receipt(id) for id in ids]
    assert all(receipts)
    assert [one["removed"]["values"] for one in receipts if one] == [1, 0, 1]
    assert machine.files_with(ANN) == machine.files_with(BOB) == []


def test_firings_that_wait_for_the_outbox_go_too(machine: ErasingMachine) -> None:
    with machine.store.commit() as commit:
        commit.fire(1_000, [Delivery(UUID(int=n), (("user_id", user),), b"{}") for n, user in enumerate((ANN, BOB))])
    id = machine.ask(1)
    machine.run()
    assert [one.targets for _, one in machine.store.pending(10)] == [(("user_id", BOB),)]
    receipt = machine.receipt(id)
    assert receipt
    assert receipt["removed"]["deliveries"] == 3


def test_an_engine_without_erasures_gets_past_a_request(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.log.append([(Kind.ERASURE, 1, encode_erasure(Erasure(id="0" * 32, time=1)))])
    machine.run()
    machine.close()
