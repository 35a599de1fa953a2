"""``snowmelt ingest``: events from files, through the same path as live ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED, CommandError, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from snowmelt.cli.importer import Tally
    from snowmelt.connectors.line_formats import Format
    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.settings import Settings

KAFKA = "kafka://"
SHOWN = 20
WORTH_A_RATE = 10_000
"""Lines; fewer are read too fast for their rate to tell anything."""


def ingest(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Plain or gzip files, folders of them, patterns; - is standard input; kafka://BROKERS/TOPIC.",
        ),
    ],
    line_format: Annotated[
        Literal["enriched-tsv", "enriched-json", "payload"] | None,
        typer.Option("--format", help="What each line is; to be named for files."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Import files from their start, whatever was imported of them before.")
    ] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="With kafka://: stop at what is the end of the topic now.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Append events of files or of a Kafka topic to the log.

    It makes no difference whether a server runs on the data folder: one that runs applies them at once. Each
    line is an enriched event (enriched-tsv, enriched-json), or the body that a tracker posts (payload), which
    is enriched as if it came now. What is reported as appended is on the disk. A line that cannot be read is
    reported and kept as a failed event, the others go in, and the exit status is 1.

    How far a file was imported is kept together with its lines: the same command goes on where it broke off, and
    takes only what has come since. A Kafka topic is read like the sources in the settings, until Ctrl-C.

    \b
    Example:
      snowmelt ingest archive/*.tsv.gz --format enriched-tsv --data-dir ./shop
      zcat more.gz | snowmelt ingest - --format enriched-json
      snowmelt ingest kafka://localhost:9092/enriched?group=snowmelt --format enriched-tsv
    """
    settings = load_settings(data_dir=data_dir)
    data = existing_data(settings)
    if any(file.startswith(KAFKA) for file in files):
        if len(files) > 1:
            raise CommandError(f"{KAFKA}... is to be the only source: start one command for each")
        if again:
            raise CommandError("--again is for files: where a topic is read from is kept by its consumer group")
        from snowmelt.cli.ingest_kafka import ingest_kafka

        ingest_kafka(settings, data, files[0], line_format, until_end)
        return
    if until_end:
        raise CommandError(f"--until-end is for {KAFKA}...: files always end")
    if line_format is None:
        raise CommandError("say what each line is, with --format enriched-tsv, enriched-json or payload")
    _ingest_files(settings, data, found_files(files), line_format, again)


def _ingest_files(settings: Settings, data: DataDir, files: list[Path], line_format: Format, again: bool) -> None:
    from snowmelt.cli.file_progress import FileProgress
    from snowmelt.cli.importer import Importer
    from snowmelt.cli.line_source import STDIN, Start, read_blocks
    from snowmelt.enrichment.unreadable import CATEGORY
    from snowmelt.stores.bell import Bell
    from snowmelt.stores.event_log import EventLog

    complaints = Complaints()
    started = time.monotonic()
    with (
        closing(EventLog(data.log, settings.log.map_size)) as log,
        closing(Bell(data.bell)) as bell,
        _progress(files) as advance,
    ):
        importer = Importer(log, bell, line_format, complaints.add)
        before = 0
        try:
            for path in files:
                progress = None if path == STDIN else FileProgress(log, path, again)
                start = progress.start if progress else Start()
                before += start.line - 1
                if progress and progress.is_whole:
                    advance(path.stat().st_size)
                    continue
                for block in read_blocks(path, start=start):
                    importer.take(str(path), block, progress.note(block) if progress else None)
                    advance(block.consumed)
                importer.note(progress.end() if progress else None)
        except OSError as error:
            warn(_summary(importer.tally, started))
            raise CommandError(f"a file cannot be read: {error}") from error
        except BaseException:
            warn(_summary(importer.tally, started))
            raise
    complaints.finish()
    if before:
        warn(f"{before:,} lines were imported before and are not taken again, unless with --again")
    typer.echo(_summary(importer.tally, started))
    if importer.tally.unreadable:
        if importer.tally.appended:
            warn(f"these are kept: snowmelt failed list --category {CATEGORY} --data-dir {data.path}")
        else:
            warn("nothing was imported or kept: is --format right?")
        raise typer.Exit(FAILED)


def found_files(arguments: list[str]) -> list[Path]:
    """The files that arguments name: themselves, all below a folder, all that a pattern matches; each once.

    In folders hidden files are passed over, and those that end in ``.part`` or ``.tmp``: somebody writes them.

    Raises:
        CommandError: an argument names no file; every such argument is told.
    """
    found: dict[Path, Path] = {}
    missing: list[str] = []
    for argument in arguments:
        unfinished = 0
        path = Path(argument)
        if argument == "-" or path.is_file():
            files = [path]
        elif path.is_dir():
            below = [file for file in path.rglob("*") if file.is_file()]
            files = sorted(file for file in below if _is_finished(file.relative_to(path)))
            unfinished = len(below) - len(files)
        else:
            matches = glob(argument, recursive=True)  # noqa: PTH207  (that of Path takes no absolute pattern)
            files = sorted(file for match in matches if (file := Path(match)).is_file())
        if not files:
            why = f" ({unfinished:,} hidden, .part and .tmp files in it are passed over)" if unfinished else ""
            missing.append(f"{argument}{why}")
        found |= {file if argument == "-" else file.resolve(): file for file in files}
    if missing:
        raise CommandError(f"nothing was imported, there is no file {', '.join(missing)}")
    return list(found.values())


def _is_finished(path: Path) -> bool:
    return path.suffix not in (".part", ".tmp") and not any(part.startswith(".") for part in path.parts)


def _summary(tally: Tally, started: float) -> str:
    rate = tally.lines / max(time.monotonic() - started, 0.001)
    text = f"{tally.lines:,} lines, {tally.appended:,} appended, {tally.unreadable:,} unreadable"
    return f"{text} ({rate:,.0f} lines/s)" if tally.lines >= WORTH_A_RATE else text


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
