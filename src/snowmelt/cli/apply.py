"""``snowmelt apply``: publish the definitions in files."""

from __future__ import annotations

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
        bool, typer.Option("--dry-run", help="Only check the files, not against the server's registry.")
    ] = False,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Publish the definitions in files, of every kind.

    The kinds are attribute keys, attribute groups, services, interventions, event logs and agentic decisions.
    Python files are executed, so apply only your own; the objects at the top level are taken, also those in
    lists there. A YAML document is a definition, or a list of them: the members of the API's JSON and no
    others, and a kind such as attribute_group.

    All files are read and checked first. If anything is wrong, the problems of all files are told together
    and nothing is published; only a Python file stops at its first mistake. Publishing what is published
    already changes nothing.

    With --dry-run that is all. No server is asked, so what it holds is not compared: whether it has
    what stands in no file, whether a published version would change.

    \b
    Example:
      snowmelt apply definitions/ shop.yaml --dry-run
      snowmelt apply definitions/ shop.yaml
    """
    from snowmelt.cli.definition_files import DefinitionFilesError, load_definitions, needed_elsewhere
    from snowmelt.errors import SnowmeltError

    try:
        found = load_definitions(paths)
    except DefinitionFilesError as error:
        error.add_note("Nothing was published.")
        raise
    if dry_run:
        needed = needed_elsewhere(found)
        for one in found:
            condition = f", if the server has {', '.join(needed[one.title])}" if one.title in needed else ""
            typer.echo(f"would publish {one.title} ({one.path}){condition}")
        return
    with connect(url, token, data_dir) as signals:
        for one in found:
            try:
                signals.publish([one.definition])
            except SnowmeltError as error:
                error.__notes__ = [f"while publishing {one.title}, in {one.path}"]
                raise
            typer.echo(f"published {one.title} ({one.path})")
