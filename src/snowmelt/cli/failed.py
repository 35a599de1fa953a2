"""``snowmelt failed``: what could not become an event, why, and trying it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED, CommandError, warn
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.stores.failed_events import FailedEvents, Filter

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
    help="Look at failed events and messages, and try them again.",
)

CategoryOption = Annotated[
    str | None, typer.Option("--category", metavar="WORD", help="Only this category, such as schema_violations.")
]
AppOption = Annotated[str | None, typer.Option("--app-id", metavar="ID", help="Only events of this application.")]
TextOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Only those whose reason contains this, such as a schema's URI."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Failed at or after: an instant, or a duration such as PT2H before now."
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Failed before; the same.")]


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
    category: CategoryOption = None,
    app_id: AppOption = None,
    reason: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    state: Annotated[
        Literal["waiting", "replayed"] | None,
        typer.Option(help="Only those that are no events yet, or only those that are by now."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with the payload.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """List failed events, the newest first.

    \b
    Example:
      snowmelt failed list --category schema_violations --since PT1H
    """
    wanted = _filter(category, app_id, reason, since, until, state)
    with _failed_events(data_dir) as failed:
        found = list(failed.list(wanted, limit))
        total = failed.count(wanted)
        _check_category(failed, category)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one._asdict(), ensure_ascii=False))
        return
    rows = [
        (
            str(one.sequence),
            str(one.item),
            instant(one.time),
            one.category,
            "waiting" if one.replayed is None else "replayed",
            one.reason,
        )
        for one in found
    ]
    columns = ("sequence", "item", "time", "category", "state", "reason")
    print_table(columns, rows, f"{len(rows)} of {total} failed events")


@failed_app.command("show")
def show_failed(
    sequence: Annotated[int, typer.Argument(metavar="SEQ", help="The first number in the list.")],
    item: Annotated[int, typer.Argument(metavar="ITEM", help="The second number in the list.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print one failed event in full, as JSON.

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


@failed_app.command("replay")
def replay_failed(
    place: Annotated[
        list[int] | None, typer.Argument(metavar="[SEQ ITEM]", help="One failed event.  [default: all that are meant]")
    ] = None,
    category: CategoryOption = None,
    app_id: AppOption = None,
    reason: TextOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for what comes of it; 0 does not.")
    ] = 30.0,
    data_dir: DataDirOption = None,
) -> None:
    """Try failed events again, for example after their schema was added.

    They go through the event log like new ones, with the time at which they arrived. Each counts once, however often
    it is asked for, and whatever is killed meanwhile. It makes no difference whether a server runs on the data
    folder: one that runs tries them at once. Those that fail again stay, with their new reason; the exit status is 1
    if there are any.

    \b
    Example:
      snowmelt schema add schemas/
      snowmelt failed replay --reason iglu:com.acme/order/
    """
    if place and len(place) != 2:
        raise CommandError("name one failed event by both its numbers, as in `snowmelt failed replay 1042 0`")
    settings = load_settings(data_dir=data_dir)
    data = existing_data(settings)
    if not data.failed_events.exists():
        raise CommandError(f"no server has run on {data.path} yet, so it has no failed events")

    from contextlib import closing

    from snowmelt.cli.replayer import Replayer
    from snowmelt.runtimes.process_lock import ProcessLock
    from snowmelt.stores.bell import Bell
    from snowmelt.stores.event_log import EventLog
    from snowmelt.stores.failed_events import FailedEvents

    with (
        closing(EventLog(data.log, settings.log.map_size)) as log,
        closing(Bell(data.bell)) as bell,
        closing(FailedEvents(data.failed_events)) as failed,
    ):
        _check_category(failed, category)
        replayer = Replayer(log, bell, failed)
        if place:
            one = failed.get(*place)
            if one is None:
                raise CommandError(f"there is no failed event {place[0]} {place[1]}: see `snowmelt failed list`")
            if one.replayed is not None:
                typer.echo("nothing to do: it is an event already")
                return
            replayer.ask([one])
        else:
            replayer.ask_all(_filter(category, app_id, reason, since, until, "waiting"))
        for complaint in replayer.refused[:20]:
            warn(complaint)
        typer.echo(f"{replayer.asked:,} failed events are tried again")
        if not replayer.asked or not wait:
            return
        if not ProcessLock(data.engine_lock, "engine").held():
            typer.echo("no server runs on the data folder: they are tried when one does")
            return
        good, again, open_ = replayer.await_answers(wait)
    typer.echo(f"{good:,} are events now, {again:,} failed again, {open_:,} are not tried yet")
    if again:
        warn("why: snowmelt failed list --state waiting")
        raise typer.Exit(FAILED)


def _filter(
    category: str | None,
    app_id: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    state: Literal["waiting", "replayed"] | None,
) -> Filter:
    from snowmelt.stores.failed_events import Filter

    return Filter(category, app_id, reason, _time("--since", since), _time("--until", until), state)


def _time(option: str, text: str | None) -> int | None:
    """The ms since the epoch that an option names."""
    from snowmelt.definitions.duration import parse_duration

    if text is None:
        return None
    try:
        if text[:1] in "Pp":
            instant = datetime.now(UTC) - parse_duration(text.upper())
        else:
            instant = datetime.fromisoformat(text)
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return int(instant.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} {text} is neither a duration such as PT2H nor an instant such as 2030-01-31T12:00:00Z"
        ) from None


def _check_category(failed: FailedEvents, category: str | None) -> None:
    if category and category not in (known := sorted({*CATEGORIES, *failed.counts()})):
        raise CommandError(f"there is no category {category}; there is {', '.join(known)}")


def instant(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
