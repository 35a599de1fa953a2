"""``snowmelt failed``: what could not become an event, and why."""

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
    help="Look at failed events: what they were, and why they failed.",
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


def _instant(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
