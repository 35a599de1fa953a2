"""``snowmelt backup``: copy a data folder, also while a server works on it."""

from pathlib import Path
from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.output import megabytes


def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to: a new or empty folder.")],
    data_dir: DataDirOption = None,
) -> None:
    """Copy the data folder, with or without a server on it.

    The copy is a data folder of one moment; `snowmelt restore` makes another of it, and checks that it is whole. It
    holds the server's secrets: guard it like the original. Every event that was acknowledged before the command is
    in it.

    \b
    Example:
      snowmelt backup /backups/shop-monday --data-dir ./shop
      snowmelt restore /backups/shop-monday --data-dir ./shop-again
    """
    from snowmelt.runtimes.backup import back_up

    settings = load_settings(data_dir=data_dir)
    total = back_up(existing_data(settings), target, lambda piece, size: typer.echo(f"{piece:24} {megabytes(size)}"))
    typer.echo(f"{target} holds {megabytes(total).strip()}; `snowmelt restore {target} --data-dir NEW` restores it")
