"""``snowmelt watch``: the attributes of one profile, as they change."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from snowmelt.cli.config import DataDirOption
from snowmelt.cli.connection import TokenOption, UrlOption, connect
from snowmelt.cli.get import IdArgument, KeyArgument, NameArgument
from snowmelt.cli.output import on_terminal, rich_table, shown


def watch(
    name: NameArgument,
    key: KeyArgument,
    identifier: IdArgument,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after N readings.  [default: at Ctrl-C]")
    ] = None,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Time between readings.", show_default=True)
    ] = 0.5,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Follow the attributes of one profile.

    On a terminal a table is kept up to date; piped, each reading is one line. Ctrl-C ends it.

    \b
    Example:
      snowmelt watch ecom_attributes domain_userid 218e8926-3858-431d-b2ed-66da03a1cbe5
    """
    from snowmelt.cli.reading import resolve

    with connect(url, token, data_dir) as signals:
        readable = resolve(signals, name)

        def readings() -> Iterator[dict[str, Any]]:
            for number in itertools.count(1):
                yield readable.read(signals, key, identifier)
                if number == count:
                    return
                time.sleep(interval)

        if on_terminal():
            _draw(readings(), f"{readable.title}, {key} {identifier}")
        else:
            for values in readings():
                typer.echo("\t".join([_clock(), *(f"{name}={shown(value)}" for name, value in values.items())]))


def _draw(readings: Iterator[dict[str, Any]], title: str) -> None:
    from rich.live import Live

    changed: dict[str, str] = {}
    last: dict[str, Any] | None = None
    with Live(auto_refresh=False) as live:
        for values in readings:
            if last is not None:
                now = _clock()
                changed |= {name: now for name, value in values.items() if value != last.get(name)}
            last = values
            rows = [(name, shown(value), changed.get(name, "")) for name, value in values.items()]
            live.update(rich_table(("attribute", "value", "changed"), rows, title), refresh=True)


def _clock() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
