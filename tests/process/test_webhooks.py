"""Webhooks through real servers: every firing arrives, whatever dies meanwhile; nothing tells the secret."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from conftest import Server, eventually
from process_shop import Shop, shop_event
from receiver import Receiver
from snowmelt import AttributeKeyIdentifiers, InterventionInstance, SignalsSandbox

pytestmark = pytest.mark.process

SETTINGS = """
[webhooks]
allow_private = true
first_pause_seconds = 0.05
longest_pause_hours = 0.0001
"""
RULE = {
    "name": "cart",
    "version": 1,
    "owner": "user@company.com",
    "is_published": True,
    "target_attribute_keys": [{"name": "domain_userid"}],
    "criteria": {"attribute": "ecom_attributes:count_add_to_cart", "operator": ">", "value": 0},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that may post to this machine, and is soon done with waiting."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "snowmelt.toml").write_text(SETTINGS)
    running = Server(tmp_path / "data")
    yield running
    running.close()


def snowmelt(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snowmelt", *arguments, "--data-dir", "."]
    return subprocess.run(command, cwd=folder / "data", check=True, capture_output=True, text=True).stdout


def added(folder: Path, receiver: Receiver, name: str, *options: str) -> None:
    """Add a webhook by the command line, and give the receiver the secret that it prints."""
    text = snowmelt(folder, "webhook", "add", name, receiver.url, *options)
    receiver.secret = next(line.split()[1] for line in text.splitlines() if line.startswith("secret"))


def sender(server: Server) -> int | None:
    """The process id of what posts."""
    for pid in server.processes()[1:]:
        if b"webhook_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


def test_every_firing_arrives_though_everything_is_killed(server: Server, shop: Shop, tmp_path: Path) -> None:
    rng = random.Random(os.urandom(4))

    def answering(count: int, message: dict[str, Any]) -> tuple[int, dict[str, str]]:
        # One of three is refused at first, so that some always wait for another attempt.
        return (503 if count == 1 and int(message["data"]["intervention_id"][0], 16) % 3 == 0 else 200), {}

    with Receiver(answering=answering) as receiver:
        added(tmp_path, receiver, "crm")
        eventually(lambda: sender(server), "the sending process is started")
        answer = shop.http.post("/api/v1/registry/interventions/", json=RULE, headers=shop.auth)
        assert answer.status_code == 201, answer.text
        server.flush()
        users: list[str] = []
        for round_number in range(4):
            fresh = [str(uuid4()) for _ in range(40)]
            for user in fresh:
                shop.track([shop_event(user, "add_to_cart", 1.0)])
            users += fresh
            seen = len(receiver.calls)
            eventually(lambda seen=seen: len(receiver.calls) > seen + rng.randrange(20), "some arrive")  # type: ignore[misc]
            if round_number % 2:
                pid = sender(server)
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
            else:
                server.kill()
                server.start()
                shop.http.close()
                shop.http = httpx.Client(base_url=server.url, timeout=30)

        def told() -> set[str]:
            with receiver.lock:
                return {message["data"]["target_attribute_keys"][0]["id"] for message in receiver.taken.values()}

        eventually(lambda: told() == set(users), "every firing has arrived", 60)
        assert not receiver.refused, "every message is signed"
        assert len(receiver.taken) == len(users), "one firing has one id, at every attempt"
        assert all(message["data"]["name"] == "cart" for message in receiver.taken.values())


def test_a_push_arrives_too_and_no_secret_gets_out(server: Server, shop: Shop, tmp_path: Path) -> None:
    with Receiver() as receiver, Receiver() as picky:
        added(tmp_path, receiver, "crm")
        added(tmp_path, picky, "picky", "--intervention", "other")
        eventually(lambda: sender(server), "the sending process is started")
        assert "answered 204" in snowmelt(tmp_path, "webhook", "test", "crm")
        assert [message["type"] for message in receiver.taken.values()] == ["test"]
        target = AttributeKeyIdentifiers({"domain_userid": [str(uuid4())]})
        with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
            for name in ("hello", "other"):
                pushed = signals.push_intervention(target, InterventionInstance(name=name, version=1))
                assert pushed == "undelivered", "an endpoint is no subscriber"
        eventually(lambda: len(receiver.taken) == 3, "both pushes arrive at one")
        eventually(lambda: len(picky.taken) == 1, "one at the other")
        assert next(iter(picky.taken.values()))["data"]["name"] == "other"
        eventually(lambda: 'webhook_delivered_total{endpoint="crm"} 2.0' in metrics(server), "it is counted")
        assert 'snowmelt_webhook_waiting{endpoint="crm"} 0.0' in metrics(server)
        assert 'snowmelt_webhook_oldest_seconds{endpoint="picky"} 0.0' in metrics(server)
        listed = snowmelt(tmp_path, "webhook", "list") + snowmelt(tmp_path, "webhook", "list", "--json")
        log = (tmp_path / "data.log").read_text()
        for secret in (receiver.secret, picky.secret):
            assert secret not in listed + log + metrics(server)
        assert "token=of-the-receiver" not in log


def register(server: Server, auth: dict[str, str]) -> None:
    """A group with a text, and a rule that sends it."""
    app = {"type": "atomic", "name": "app_id"}
    last = {"name": "last", "type": "string", "aggregation": "last", "events": [], "property": app}
    owner = {"owner": "user@company.com", "is_published": True, "version": 1}
    group = owner | {"name": "apps", "attribute_key": {"name": "domain_userid"}, "attributes": [last]}
    rule = owner | {"name": "seen", "criteria": {"attribute": "apps:last", "operator": "is not null"}}
    for path, body in (("attribute_groups", group), ("interventions", rule)):
        answer = httpx.post(f"{server.url}/api/v1/registry/{path}/", json=body, headers=auth)
        assert answer.status_code == 201, answer.text
    server.flush()


def metrics(server: Server) -> str:
    return httpx.get(f"{server.url}/metrics").text


def test_streams_with_tokens_only(tmp_path: Path) -> None:
    """The server's log knows neither the token nor who subscribed; `snowmelt interventions push` sends a test."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "snowmelt.toml").write_text('[interventions]\nrequire_token = true\ntext_values = "json"\n')
    server = Server(tmp_path / "data", "--log-level", "debug")
    try:
        user = str(uuid4())
        url, auth = f"{server.url}/api/v1/interventions", {"Authorization": f"Bearer {server.token}"}
        asked = {"attribute_keys": {"domain_userid": [user]}}
        token = httpx.post(f"{url}/tokens", json=asked, headers=auth).json()["token"]
        assert httpx.get(url, params={"domain_userid": user}).status_code == 401
        assert httpx.get(url, params={"domain_userid": str(uuid4()), "token": token}).status_code == 403
        for options in ({"params": {"domain_userid": user, "token": token}}, {"headers": auth}):
            params = {"domain_userid": user}
            with httpx.stream("GET", url, **{"params": params, **options}, timeout=20) as stream:  # type: ignore[arg-type]
                assert stream.status_code == 200
                lines = stream.iter_lines()
                assert next(lines) == ": connected"
                text = snowmelt(
                    tmp_path, "interventions", "push", "hello", "domain_userid", user, "--attribute", "shop:last=7"
                )
                assert text.strip() == "success"
                data = next(line for line in lines if line.startswith("data: "))
                assert '"attributes":{"shop:last":"7"}' in data
        register(server, auth)
        with httpx.stream("GET", url, params={"domain_userid": user}, headers=auth, timeout=20) as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": connected"
            tracker = Shop(server.url, server.token)
            tracker.track([shop_event(user, "add_to_cart", 1.0) | {"aid": "web"}])
            data = next(line for line in lines if line.startswith("data: "))
            assert '"attributes":{"apps:last":"\\"web\\""}' in data
            tracker.http.close()
        assert token not in (tmp_path / "data.log").read_text()
    finally:
        server.close()
