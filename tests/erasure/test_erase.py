"""Erasing a person on a running server: nothing of them is left in any file, and nobody else loses anything."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import Server, eventually
from people import FIGURES, People, Person, hits, measured
from receiver import Receiver

pytestmark = pytest.mark.process


def snowmelt(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snowmelt", *arguments, "--data-dir", str(server.data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=server.data_dir)


def add_webhook(server: Server, url: str) -> None:
    """One that takes nothing, so that what is sent to it waits."""
    added = snowmelt(server, "webhook", "add", "crm", url)
    assert added.returncode == 0, added.stderr


def test_nothing_of_an_erased_person_is_left_in_any_file_and_nobody_else_loses_anything(
    server: Server, people: People
) -> None:
    ann, bob = Person("ann"), Person("bob")
    with Receiver(answering=lambda count, message: (503, {})) as receiver:
        add_webhook(server, receiver.url)
        people.visit(ann, bob)
        eventually(lambda: people.held("user_id", ann.user_id)["webhook_messages"], "a message waits for the webhook")
        eventually(lambda: people.held("user_id", bob.user_id)["webhook_messages"], "one waits for the other, too")
        eventually(lambda: "profiles.checkpoint/data.mdb" in hits(server.data_dir, ann), "a checkpoint has them")
        held, others = people.everything(ann), people.everything(bob)
        kinds = {kind for one in held.values() for kind, rows in one.items() if rows}
        assert kinds == {
            "identifiers",
            "values",
            "event_logs",
            "interventions",
            "timers",
            "deliveries",
            "webhook_messages",
            "failed_events",
            "log_records",
        }
        before = hits(server.data_dir, ann)
        assert {Path(name).parts[0].split("-")[0] for name in before} >= {"log", "profiles", "outbox", "failed.sqlite"}
        files, size = measured(server.data_dir)

        started = time.monotonic()
        receipt = people.erase(**ann.identifiers)
        seconds = time.monotonic() - started

        assert hits(server.data_dir, ann) == {}
        assert hits(server.data_dir, bob)
        assert people.everything(bob) == others
        rest = [kind for one in people.everything(ann).values() for kind, rows in one.items() if rows]
        assert set(rest) == {"identifiers"}
        removed = receipt["removed"]
        assert removed["values"] == len(ann.identifiers)
        assert removed["event_logs"] == 1
        assert removed["timers"] == 1
        assert removed["interventions"] == 2
        assert removed["deliveries"] == removed["webhook_messages"] == 1
        assert removed["failed_events"] == 1
        assert removed["log_records"] == len(held["user_id"]["log_records"])
        assert receipt["left"] == {}
        FIGURES.append(
            f"files scanned: {files}, {size:,} bytes; hits before: {sum(before.values())} in {len(before)} files, "
            f"after: {sum(hits(server.data_dir, ann).values())}; removed: {json.dumps(removed)}; {seconds:.2f} s"
        )
        # Whoever comes back is somebody new.
        people.track([ann.event("product_view")])
        server.flush()
        [values] = people.held("user_id", ann.user_id)["values"]
        assert values["values"]["n"] == 1


def test_two_events_in_one_request_only_lose_the_one_that_names_the_person(server: Server, people: People) -> None:
    ann, bob = Person("ann"), Person("bob")
    people.track([ann.event("product_view"), bob.event("product_view")])
    server.flush()
    people.erase(**ann.identifiers)
    [record] = people.held("user_id", bob.user_id)["log_records"]
    [event] = record["request"]["body"]["data"]
    assert event["uid"] == bob.user_id


def test_what_is_left_as_a_value_of_others_is_told(server: Server, people: People) -> None:
    ann = Person("ann")
    people.visit(ann)
    receipt = people.erase(user_id=ann.user_id)
    assert receipt["left"] == {"event_logs of recent, under domain_sessionid": 1}
    receipt = people.erase(domain_sessionid=ann.domain_sessionid)
    assert receipt["left"] == {}
    assert not [name for name in hits(server.data_dir, ann) if not name.startswith("profiles")]


def test_the_command_line_erases_and_exports(server: Server, people: People, tmp_path: Path) -> None:
    ann, bob = Person("ann"), Person("bob")
    people.visit(ann, bob)
    unknown = snowmelt(server, "erase", "nobody", "x")
    assert unknown.returncode == 1
    assert "no attribute key 'nobody'" in unknown.stderr
    assert "crm_id, domain_sessionid, domain_userid" in unknown.stderr

    exported = snowmelt(server, "export", "user_id", ann.user_id, "--output", str(tmp_path / "ann.json"))
    assert exported.returncode == 0, exported.stderr
    found = json.loads((tmp_path / "ann.json").read_text())
    assert bob.user_id not in (tmp_path / "ann.json").read_text()
    assert found["values"][0]["values"]["n"] == 8
    assert (tmp_path / "ann.json").stat().st_mode & 0o077 == 0

    dry = snowmelt(server, "erase", "user_id", ann.user_id, "--dry-run", "--json")
    would = json.loads(dry.stdout)["would_remove"]
    assert people.held("user_id", ann.user_id)["values"]
    erased = snowmelt(server, "erase", "user_id", ann.user_id, "--json")
    assert erased.returncode == 0, erased.stderr
    assert json.loads(erased.stdout)["removed"] == would
    readable = snowmelt(server, "erase", "user_id", bob.user_id)
    assert readable.returncode == 0, readable.stderr
    assert "failed events\t1" in readable.stdout
    assert "not reached: backups" in readable.stdout


def test_what_the_door_for_tests_remembers_goes_too(server: Server, people: People) -> None:
    ann, bob = Person("ann"), Person("bob")
    people.visit(ann, bob)
    texts = [people.http.get(f"/micro/{kind}").text for kind in ("good", "bad")]
    assert all(person.user_id in text for person in (ann, bob) for text in texts)
    people.erase(**ann.identifiers)
    texts = [people.http.get(f"/micro/{kind}").text for kind in ("good", "bad")]
    assert all(ann.user_id not in text for text in texts)
    counts: Counter[str] = Counter(people.http.get("/micro/all").json())
    assert counts["total"] >= 16
