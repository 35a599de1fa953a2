"""The events in a file of examples, brought into the form in which the engine would meet them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from snowmelt.cli.errors import CommandError
from snowmelt.cli.line_source import read_blocks
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.projection import Projection
from snowmelt.connectors.line_formats import FORMATS, LINE_FORMATS, UNREADABLE, Format, recognised
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events import json as event_json
from snowmelt.stores.event_log import Kind, decode_payload

_collected = Projection([("collector_tstamp",)])


class Arrival(NamedTuple):
    """One event of the file.

    Args:
        place: file, line and, of several in a payload, which one.
        event: its JSON form, or what it became in enrichment.
        time: when it arrived: the time that its collector noted, else the present; ms since the epoch.
    """

    place: str
    event: bytes | FailedEvent
    time: int


def arrivals(
    path: Path,
    line_format: Format | None,
    complain: Callable[[str, str], None],
    make_enricher: Callable[[], Enricher] = Enricher,
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Iterator[Arrival]:
    """The events of a file, in its order, as ``snowmelt ingest`` and the engine would make them of its lines.

    Args:
        path: a plain or gzip file, or ``-`` for standard input.
        line_format: of the lines; ``None`` recognises it by the first one.
        complain: called with place and reason for each line that cannot be read.
        make_enricher: called if there are tracker requests; by default the enricher does what needs no settings.
        clock: ms since the epoch.

    Raises:
        CommandError: the file cannot be read, or its format is not recognised.
    """
    enricher: Enricher | None = None
    for block in read_blocks(path):
        for number, line in enumerate(block.lines, start=block.first):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            line_format = line_format or recognised(line)
            if line_format is None:
                raise CommandError(f"{place} looks like no format: name it with --format ({', '.join(FORMATS)})")
            convert, records = LINE_FORMATS[line_format]
            try:
                converted = convert(line.removesuffix(b"\r"))
            except UNREADABLE as error:
                complain(place, str(error))
                continue
            now = clock()
            for kind, _, body in records([converted], now):
                if kind is Kind.EVENTS:
                    yield Arrival(place, body, _arrived(body, now))
                else:
                    enricher = enricher or make_enricher()
                    yield from _enriched(place, enricher, body, now)


def _enriched(place: str, enricher: Enricher, body: bytes, now: int) -> Iterator[Arrival]:
    outcomes = enricher.enrich(decode_payload(body), now)
    for number, outcome in enumerate(outcomes, start=1):
        where = place if len(outcomes) == 1 else f"{place}, event {number} of {len(outcomes)}"
        yield Arrival(where, outcome if isinstance(outcome, FailedEvent) else event_json.encode(outcome.event), now)


def _arrived(line: bytes, now: int) -> int:
    event = _collected.decode(line)
    collected = None if event is None else parse_instant(event.collector_tstamp)
    return now if collected is None else collected
