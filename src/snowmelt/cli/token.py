"""``snowmelt token``: the secret that clients send."""

import typer

from snowmelt.cli.config import DataDirOption, load_settings


def token(data_dir: DataDirOption = None) -> None:
    """Print the sandbox token; make one if there is none.

    \b
    Example:
      export SNOWMELT_SANDBOX_TOKEN=$(snowmelt token --data-dir ./shop)
    """
    from snowmelt.runtimes.data_dir import DataDir

    settings = load_settings(data_dir=data_dir)
    typer.echo(DataDir(settings.data_dir).sandbox_token(settings))
