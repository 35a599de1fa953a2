"""``snowmelt failed``: what could not become an event, and what no webhook took, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import CommandError
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.stores.failed_events import FailedEvents
    from snowmelt.stores.webhook_queue import Waiting, WebhookQueue

CATEGORIES = (
    "size_violation",
    "collector_payload_format_violation",
    "adapter_failures",
    "tracker_protocol_violations",
    "schema_violations",
    "enrichment_failures",
    "generic_error",
    "loader_parsing_error",
)
"""What enrichment and ``snowmelt ingest`` file failures under."""

failed_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at failed events and messages, and why they failed.",
)


@contextmanager
def _failed_events(data_dir: Path | None) -> Iterator[FailedEvents]:
    from snowmelt.stores.failed_events import FailedEvents

    data = existing_data(load_settings(data_dir=data_dir))
    if not data.failed_events.exists():
        raise CommandError(f"no server has run on {data.path} yet, so it has no failed events")
    failed = FailedEvents(data.failed_events)
    try:
        yield failed
    finally:
        failed.close()


@failed_app.command("list")
def list_failed(
    category: Annotated[
        str | None, typer.Option(metavar="WORD", help="Only this category, such as schema_violations.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with the payload.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """List failed events, the newest first.

    \b
    Example:
      snowmelt failed list --category schema_violations --limit 10
    """
    with _failed_events(data_dir) as failed:
        found = list(failed.list(category, limit))
        counts = failed.counts()
    if category and category not in (known := sorted({*CATEGORIES, *counts})):
        raise CommandError(f"there is no category {category}; there is {', '.join(known)}")
    if as_json:
        for one in found:
            typer.echo(json.dumps(one._asdict(), ensure_ascii=False))
        return
    rows = [(str(one.sequence), str(one.item), _instant(one.time), one.category, one.reason) for one in found]
    total = counts.get(category, 0) if category else sum(counts.values())
    print_table(("sequence", "item", "time", "category", "reason"), rows, f"{len(rows)} of {total} failed events")


@failed_app.command("show")
def show_failed(
    sequence: Annotated[int, typer.Argument(metavar="SEQ", help="The first number in the list.")],
    item: Annotated[int, typer.Argument(metavar="ITEM", help="The second number in the list.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print one failed event as JSON: the failure in detail, and the payload.

    \b
    Example:
      snowmelt failed show 1042 0
    """
    with _failed_events(data_dir) as failed:
        found = failed.get(sequence, item)
    if found is None:
        raise CommandError(
            f"there is no failed event {sequence} {item}: `snowmelt failed list` shows those that there are"
        )
    typer.echo(json.dumps(found.row, indent=2, ensure_ascii=False))


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
        (str(one.number), endpoint, _instant(one.made), one.name, str(one.attempts), one.reason)
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


@failed_app.command("replay")
def replay_message(number: NumberArgument, data_dir: DataDirOption = None) -> None:
    """Send a message to its webhook again, as if it were new.

    A running server sends it within a second.

    \b
    Example:
      snowmelt failed replay 17
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
        "time": _instant(one.made),
        "attempts": one.attempts,
        "reason": one.reason,
        "payload": json.loads(one.body),
    }


def _no_message(number: int) -> CommandError:
    return CommandError(
        f"there is no message {number} that was given up: `snowmelt failed messages` shows those that there are"
    )


def _instant(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
