"""``snowmelt apply``: publish the definitions in files."""

from pathlib import Path
from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption
from snowmelt.cli.connection import TokenOption, UrlOption, connect


def apply(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR...", help="Python or YAML files, or folders of them.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the files and list what would be published.")
    ] = False,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Publish definitions: attribute keys, attribute groups, services.

    Of a Python file the objects at the top level are taken, also those in lists there. A YAML document is a
    definition, or a list of them: the members of the API's JSON, and a kind such as attribute_group.

    Files are read and checked as a whole first; if anything is wrong all of it is told, and nothing is
    published. Publishing what is published already changes nothing.

    \b
    Example:
      snowmelt apply definitions/ shop.yaml --dry-run
      snowmelt apply definitions/ shop.yaml
    """
    from snowmelt.cli.definition_files import load_definitions
    from snowmelt.errors import SnowmeltError
    from snowmelt.sdk.registry import IN_ORDER

    found = load_definitions(paths)
    if dry_run:
        for one in found:
            typer.echo(f"would publish {one.title} ({one.path})")
        return
    with connect(url, token, data_dir) as signals:
        # What this release cannot publish yet is refused before anything is written.
        unknown = [one.definition for one in found if not isinstance(one.definition, tuple(k.model for k in IN_ORDER))]
        if unknown:
            signals.publish(unknown)
        for one in found:
            try:
                signals.publish([one.definition])
            except SnowmeltError as error:
                error.add_note(f"in {one.path}")
                raise
            typer.echo(f"published {one.title} ({one.path})")
