"""``snowmelt ingest kafka://...``: one topic, read in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import typer

from snowmelt.cli.errors import FAILED, CommandError, warn
from snowmelt.definitions.problems import problems_of
from snowmelt.settings_connectors import KafkaSource

if TYPE_CHECKING:
    from types import FrameType

    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.settings import Settings

OURS = ("name", "group", "format", "start")


def source_of(address: str, line_format: str | None) -> KafkaSource:
    """The source that an address tells of.

    >>> source_of("kafka://a:9092,b:9092/enriched?group=shop&security.protocol=SSL", None).brokers
    'a:9092,b:9092'

    Args:
        address: ``kafka://BROKERS/TOPIC?group=...&start=...``; whatever else is asked with ``?`` goes to librdkafka.
        line_format: of the messages, if it is not in the address.

    Raises:
        CommandError: it is no such address; tells all that is wrong with it.
    """
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    members: dict[str, Any] = {name: asked.pop(name) for name in OURS if name in asked}
    if line_format is not None:
        members["format"] = line_format
    members = {"name": "ingest", "brokers": parts.netloc, "topic": parts.path.strip("/"), "properties": asked} | members
    from pydantic import ValidationError

    try:
        return KafkaSource.model_validate(members)
    except ValidationError as error:
        lines = "\n".join(f"  {problem}" for problem in problems_of(error))
        raise CommandError(
            f"{address} names no Kafka topic, as kafka://localhost:9092/enriched does:\n{lines}"
        ) from error


def ingest_kafka(settings: Settings, data: DataDir, address: str, line_format: str | None, until_end: bool) -> None:
    """Read a topic into the event log until Ctrl-C, or to its present end.

    Raises:
        CommandError: as :func:`source_of`.
        ConnectorError: the topic cannot be read.
    """
    from snowmelt.runtimes.logs import configure_logs
    from snowmelt.runtimes.source_process import open_reader

    source = source_of(address, line_format)
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    configure_logs(max("warning", settings.log_level, key=("debug", "info", "warning", "error").index))
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    taken = unreadable = 0
    try:
        with _progress() as show:

            def report(messages: int, bad: int) -> None:
                nonlocal taken, unreadable
                taken, unreadable = taken + messages, unreadable + bad
                show(messages)

            with open_reader(settings, data, source, report) as reader:
                reader.run(lambda: stopping, until_end=until_end, insists=False)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        typer.echo(f"{taken:,} messages, {taken - unreadable:,} appended, {unreadable:,} unreadable")
    if unreadable:
        warn(f"these are kept: snowmelt failed list --data-dir {data.path}")
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[int], object]]:
    """How many messages were taken, and how fast, on standard error, if somebody looks."""
    if not sys.stderr.isatty():
        yield lambda messages: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} messages"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda messages: progress.advance(task, messages)
