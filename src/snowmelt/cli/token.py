"""``snowmelt token``: the secret that clients send."""

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings


def token(data_dir: DataDirOption = None) -> None:
    """Print the sandbox token: as set, else the data folder's.

    \b
    Example:
      export SNOWMELT_SANDBOX_TOKEN=$(snowmelt token --data-dir ./shop)
    """
    settings = load_settings(data_dir=data_dir)
    if settings.sandbox_token is not None:
        typer.echo(settings.sandbox_token.get_secret_value())
    else:
        typer.echo(existing_data(settings).sandbox_token(settings))
