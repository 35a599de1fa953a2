"""What commands print: tables for people on a terminal, tab-separated lines everywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from snowmelt.printable import printable

if TYPE_CHECKING:
    from rich.table import Table


def on_terminal() -> bool:
    """Whether standard output is read by a person, now."""
    return sys.stdout.isatty()


def shown(value: Any) -> str:
    """A served value as text: texts as they are, everything else as JSON; ``-`` for nothing.

    >>> shown(None), shown("a"), shown([1, True]), shown(2.5)
    ('-', 'a', '[1, true]', '2.5')
    """
    if value is None:
        return "-"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def megabytes(size: int) -> str:
    """A number of bytes as a column.

    >>> megabytes(12_345_678)
    '      12.3 MB'
    """
    return f"{size / 1e6:10,.1f} MB"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print rows: drawn on a terminal; elsewhere a header line and lines, cells separated by tabs."""
    if on_terminal():
        from rich.console import Console

        Console().print(rich_table(columns, rows, title))
        return
    for row in (columns, *rows):
        typer.echo("\t".join(" ".join(printable(cell).split()) for cell in row))


def rich_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> Table:
    """The same rows as a table that a terminal draws; columns that hold numbers only stand to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=box.ROUNDED)
    for index, name in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[index]) for row in cells)
        table.add_column(name, justify="right" if numeric else "left")
    for row in cells:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "", 1).removeprefix("-").isdigit()
