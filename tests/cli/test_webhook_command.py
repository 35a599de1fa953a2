"""``snowmelt webhook`` and what ``snowmelt failed`` shows of its messages."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from receiver import Receiver
from snowmelt.definitions.wire.delivery import payload
from snowmelt.stores.outbox import Delivery, place_at
from snowmelt.stores.webhook_queue import WebhookQueue
from snowmelt.stores.webhooks import Webhooks, new_secret

URL = "https://hooks.example.com/in"


@pytest.fixture
def webhook(run: Any, data: Path) -> Any:
    return lambda *arguments: run("webhook", *arguments, "--data-dir", data)


@pytest.fixture
def dead(data: Path) -> int:
    """One message that was given up."""
    webhooks = Webhooks(data / "webhooks.sqlite")
    webhooks.add("crm", URL)
    queue = WebhookQueue(webhooks)
    place = place_at(webhooks.clock() + 1000)
    sent = Delivery(UUID(int=7), (("user_id", "ann"),), payload(str(UUID(int=7)), "hello", 1, {"shop:name": "ä"}))
    queue.take([sent._replace(place=place)], webhooks.endpoints())
    (waiting,) = queue.due(1, 10)
    queue.give_up(waiting, "answered 500", 0)
    webhooks.close()
    return waiting.number


def test_the_secret_is_printed_once(webhook: Any) -> None:
    secret = re.search(r"whsec_\S+", webhook("add", "crm", URL, "--intervention", "hello").stdout)
    assert secret is not None
    for text in (webhook("list").stdout, webhook("list", "--json").stdout):
        assert URL in text and "hello" in text and secret[0] not in text
    again = webhook("add", "crm", URL)
    assert again.exit_code == 1 and "there is a webhook crm already" in again.stderr
    assert webhook("remove", "crm").exit_code == 0
    assert webhook("list", "--json").stdout == ""


def test_a_secret_of_ones_own_is_not_printed(webhook: Any, tmp_path: Path) -> None:
    secret, file = new_secret(), tmp_path / "secret"
    file.write_text(secret + "\n")
    added = webhook("add", "crm", URL, "--secret-file", file)
    assert added.exit_code == 0 and secret not in added.stdout
    file.write_text("short")
    assert "no secret for webhooks" in webhook("add", "other", URL, "--secret-file", file).stderr
    assert "cannot be read" in webhook("add", "other", URL, "--secret-file", tmp_path / "none").stderr


@pytest.mark.parametrize(
    ("name", "url", "problem"),
    [
        ("crm", "http://example.com/", "must begin with https://"),
        ("crm", "https://169.254.169.254/latest", "is no public address"),
        ("crm", "https://user:word@example.com/", "user name or a password"),
        ("a b", URL, "is no name for a webhook"),
    ],
)
def test_what_cannot_be_added(webhook: Any, name: str, url: str, problem: str) -> None:
    result = webhook("add", name, url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert problem in result.stderr


@pytest.mark.parametrize("command", ["remove", "enable", "test"])
def test_a_webhook_that_is_not_there(webhook: Any, command: str) -> None:
    result = webhook(command, "nobody")
    assert result.exit_code == 1 and "there is no webhook nobody" in result.stderr


def test_a_test_message(webhook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_WEBHOOKS__ALLOW_PRIVATE", "true")
    status = 200
    with Receiver(answering=lambda count, message: (status, {})) as receiver:
        added = webhook("add", "crm", receiver.url)
        receiver.secret = added.stdout.split("secret")[1].split()[0]
        assert webhook("test", "crm").stdout.startswith("answered 200 after ")
        status = 500
        refused = webhook("test", "crm")
        assert refused.exit_code == 1 and "did not take the message: answered 500" in refused.stderr
        assert [message["type"] for message in receiver.taken.values()] == ["test"]
    monkeypatch.setenv("SNOWMELT_WEBHOOKS__ALLOW_PRIVATE", "false")
    assert "must begin with https://" in webhook("test", "crm").stderr


def test_messages_that_were_given_up(run: Any, data: Path, dead: int) -> None:
    def failed(*arguments: object) -> Any:
        return run("failed", *arguments, "--data-dir", data)

    lines = failed("messages", "--webhook", "crm").stdout.splitlines()
    assert lines[0].split("\t") == ["number", "webhook", "time", "intervention", "attempts", "reason"]
    (row,) = (line.split("\t") for line in lines[1:])
    assert row[:2] == [str(dead), "crm"] and row[3:] == ["hello", "1", "answered 500"]
    assert len(failed("messages", "--webhook", "other").stdout.splitlines()) == 1
    shown = json.loads(failed("message", dead).stdout)
    assert shown == json.loads(failed("messages", "--json").stdout)
    assert shown["intervention_id"] == str(UUID(int=7))
    assert shown["payload"]["data"]["attributes"] == {"shop:name": "ä"}
    assert "is sent again" in failed("resend", dead).stdout
    for command in ("message", "resend"):
        gone = failed(command, dead)
        assert gone.exit_code == 1 and f"there is no message {dead} that was given up" in gone.stderr


def test_a_folder_without_webhooks(run: Any, data: Path) -> None:
    result = run("failed", "messages", "--data-dir", data)
    assert result.exit_code == 1 and "has no webhooks" in result.stderr
    assert not (data / "webhooks.sqlite").exists()
