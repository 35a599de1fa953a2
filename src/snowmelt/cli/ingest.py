"""``snowmelt ingest``: events from files, through the same path as live ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED, CommandError, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from snowmelt.cli.importer import Tally

SHOWN = 20


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Plain or gzip files; - is standard input.")],
    line_format: Annotated[
        Literal["enriched-tsv", "enriched-json", "payload"],
        typer.Option("--format", help="What each line is."),
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Append events from files to the event log.

    It makes no difference whether a server runs on the data folder: one that runs applies them at once. Each
    line is an enriched event (enriched-tsv, enriched-json), or the body that a tracker posts (payload), which
    is enriched as if it came now. What is reported as appended is on the disk. A line that cannot be read is
    reported and kept as a failed event, the others go in, and the exit status is 1.

    \b
    Example:
      snowmelt ingest archive/*.tsv.gz --format enriched-tsv --data-dir ./shop
      zcat more.gz | snowmelt ingest - --format enriched-json
    """
    settings = load_settings(data_dir=data_dir)
    data = existing_data(settings)
    missing = [str(path) for path in files if str(path) != "-" and not path.is_file()]
    if missing:
        raise CommandError(f"nothing was imported, there is no file {', '.join(missing)}")

    from snowmelt.cli.importer import CATEGORY, Importer
    from snowmelt.cli.line_source import read_blocks
    from snowmelt.stores.bell import Bell
    from snowmelt.stores.event_log import EventLog
    from snowmelt.stores.failed_events import FailedEvents

    complaints = Complaints()
    with (
        closing(EventLog(data.log, settings.log.map_size)) as log,
        closing(Bell(data.bell)) as bell,
        closing(FailedEvents(data.failed_events)) as failed,
        _progress(files) as advance,
    ):
        importer = Importer(log, bell, failed, line_format, complaints.add)
        try:
            for path in files:
                for block in read_blocks(path):
                    importer.take(str(path), block)
                    advance(block.consumed)
        except BaseException:
            warn(_summary(importer.tally))
            raise
    complaints.finish()
    typer.echo(_summary(importer.tally))
    if importer.tally.unreadable:
        if importer.tally.appended:
            warn(f"the others are kept: snowmelt failed list --category {CATEGORY} --data-dir {data.path}")
        else:
            warn("nothing was imported or kept: is --format right?")
        raise typer.Exit(FAILED)


def _summary(tally: Tally) -> str:
    return f"{tally.lines:,} lines, {tally.appended:,} appended, {tally.unreadable:,} unreadable"


class Complaints:
    """Reports unreadable lines on standard error, the first ones one by one; ``count`` is how many there were."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, place: str, reason: str) -> None:
        """Report a line by its place (file and number) and what is wrong with it."""
        self.count += 1
        if self.count <= SHOWN:
            warn(f"{place}: {reason}")

    def finish(self) -> None:
        """Say how many were not reported one by one."""
        if self.count > SHOWN:
            warn(f"... and {self.count - SHOWN:,} more")


@contextmanager
def _progress(files: list[Path]) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while files are read, if somebody looks."""
    if not sys.stderr.isatty() or any(str(path) == "-" for path in files):
        yield lambda consumed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=sum(path.stat().st_size for path in files))
        yield lambda consumed: progress.advance(task, consumed)
