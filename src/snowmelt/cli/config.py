"""The settings and the data folder that a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snowmelt.cli.errors import CommandError

if TYPE_CHECKING:
    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.settings import Settings

DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="The data folder.  [default: as set, else ./snowmelt-data]"),
]


def load_settings(**flags: Any) -> Settings:
    """The settings of file and environment, with the flags that are not None on top.

    Raises:
        CommandError: a setting is not what it must be, or ``snowmelt.toml`` cannot be read.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from snowmelt.definitions.problems import problems_of
    from snowmelt.settings import Settings

    try:
        return Settings().overridden(**flags)
    except ValidationError as error:
        lines = "\n".join(f"  {problem}" for problem in problems_of(error))
        raise CommandError(
            f"some settings are wrong; mend them in ./snowmelt.toml or in SNOWMELT_... variables:\n{lines}"
        ) from error
    except (SettingsError, ValueError, OSError) as error:
        raise CommandError(f"the settings in ./snowmelt.toml or SNOWMELT_... variables: {error}") from error


def existing_data(settings: Settings) -> DataDir:
    """The data folder of the settings, which must be there.

    Raises:
        CommandError: it is not.
        StoreError: it is not writable.
    """
    from snowmelt.runtimes.data_dir import DataDir

    path = settings.data_dir.absolute()
    if not path.is_dir():
        raise CommandError(
            f"there is no data folder {path}: give --data-dir, or make one with `snowmelt serve --data-dir {path}`"
        )
    return DataDir(path)
