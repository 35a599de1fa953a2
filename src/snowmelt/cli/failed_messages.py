"""``snowmelt failed messages``: what no webhook took, why, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import CommandError
from snowmelt.cli.failed import failed_app, instant
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.stores.webhook_queue import Waiting, WebhookQueue


@contextmanager
def _messages(data_dir: Path | None) -> Iterator[WebhookQueue]:
    from snowmelt.stores.webhook_queue import WebhookQueue
    from snowmelt.stores.webhooks import Webhooks

    data = existing_data(load_settings(data_dir=data_dir))
    if not data.webhooks.exists():
        raise CommandError(f"{data.path} has no webhooks: `snowmelt webhook add` makes the first one")
    webhooks = Webhooks(data.webhooks)
    try:
        yield WebhookQueue(webhooks)
    finally:
        webhooks.close()


NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="The first column of the list.")]


@failed_app.command("messages")
def list_messages(
    webhook: Annotated[str | None, typer.Option(metavar="NAME", help="Only those for this webhook.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with the payload.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """List messages that no attempt brought to their webhook, the newest first.

    \b
    Example:
      snowmelt failed messages --webhook crm
    """
    with _messages(data_dir) as queue:
        found = queue.dead(webhook, limit)
    if as_json:
        for endpoint, one in found:
            typer.echo(json.dumps(_members(endpoint, one), ensure_ascii=False))
        return
    rows = [
        (str(one.number), endpoint, instant(one.made), one.name, str(one.attempts), one.reason)
        for endpoint, one in found
    ]
    columns = ("number", "webhook", "time", "intervention", "attempts", "reason")
    print_table(columns, rows, f"{len(rows)} messages")


@failed_app.command("message")
def show_message(number: NumberArgument, data_dir: DataDirOption = None) -> None:
    """Print one message that its webhook did not take, as JSON: why, and the payload.

    \b
    Example:
      snowmelt failed message 17
    """
    with _messages(data_dir) as queue:
        found = queue.get_dead(number)
    if found is None:
        raise _no_message(number)
    typer.echo(json.dumps(_members(*found), indent=2, ensure_ascii=False))


@failed_app.command("resend")
def resend_message(number: NumberArgument, data_dir: DataDirOption = None) -> None:
    """Send a message to its webhook again, as if it were new.

    A running server sends it within a second.

    \b
    Example:
      snowmelt failed resend 17
    """
    with _messages(data_dir) as queue:
        if not queue.replay(number):
            raise _no_message(number)
    typer.echo(f"message {number} is sent again")


def _members(endpoint: str, one: Waiting) -> dict[str, object]:
    return {
        "number": one.number,
        "webhook": endpoint,
        "intervention_id": one.id,
        "intervention": one.name,
        "time": instant(one.made),
        "attempts": one.attempts,
        "reason": one.reason,
        "payload": json.loads(one.body),
    }


def _no_message(number: int) -> CommandError:
    return CommandError(
        f"there is no message {number} that was given up: `snowmelt failed messages` shows those that there are"
    )
