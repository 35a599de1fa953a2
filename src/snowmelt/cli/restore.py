"""``snowmelt restore``: make a data folder of a backup."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption, load_settings
from snowmelt.cli.output import megabytes


def restore(
    backup: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `snowmelt backup` has made.")],
    data_dir: DataDirOption = None,
) -> None:
    """Make a data folder of a backup, and check that it is whole.

    The data folder must be new or empty. Every file is compared with what was backed up, and every store is read. The
    backup stays as it is.

    \b
    Example:
      snowmelt restore /backups/shop-monday --data-dir ./shop
      snowmelt serve --data-dir ./shop
    """
    from snowmelt.runtimes.restore import restore as restored

    target = load_settings(data_dir=data_dir).data_dir
    found = restored(backup, target, lambda file, size: typer.echo(f"{file:24} {megabytes(size)}"))
    made = datetime.fromtimestamp(found.made / 1000, UTC)
    typer.echo(
        f"{target} is the backup of {made:%Y-%m-%d %H:%M:%S} UTC: {len(found.files)} files are as they were backed up, "
        f"the event log is whole up to {found.head}, values are as of {found.position} in it; serve it with "
        f"`snowmelt serve --data-dir {target}`"
    )
