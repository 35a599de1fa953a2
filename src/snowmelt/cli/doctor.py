"""``snowmelt doctor``: is everything as it should be?"""

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED


def doctor(data_dir: DataDirOption = None) -> None:
    """Check the machine, the data folder and the server on it.

    Exit status 1 if anything is not as it should be. Lines with a dash only inform. Safe beside a running server.

    \b
    Example:
      snowmelt doctor --data-dir ./shop
    """
    from snowmelt.cli.checks import run_all

    settings = load_settings(data_dir=data_dir)
    data = existing_data(settings)
    wrong = 0
    for result in run_all(data, settings):
        mark = typer.style("✓", fg=typer.colors.GREEN) if result.ok else typer.style("✗", fg=typer.colors.RED)
        if result.neutral:
            mark = "-"
        typer.echo(f"{mark} {result.what}")
        if not result.ok:
            wrong += 1
            typer.echo(f"    {result.advice}")
    if wrong:
        raise typer.Exit(FAILED)
