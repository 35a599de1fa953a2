"""``snowmelt get``: the attributes of one profile, once."""

import json
from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption
from snowmelt.cli.connection import TokenOption, UrlOption, connect
from snowmelt.cli.output import print_table, shown

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A service, a group (its highest version) or group_vN.")
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The attribute key, such as domain_userid.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Whose attributes: the key's value.")]


def get(
    name: NameArgument,
    key: KeyArgument,
    identifier: IdArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Read the attributes of one user, session or other key.

    \b
    Example:
      snowmelt get ecom_attributes domain_userid 218e8926-3858-431d-b2ed-66da03a1cbe5
    """
    from snowmelt.cli.reading import resolve

    with connect(url, token, data_dir) as signals:
        readable = resolve(signals, name)
        values = readable.read(signals, key, identifier)
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False))
        return
    rows = [(attribute, shown(value)) for attribute, value in values.items()]
    print_table(("attribute", "value"), rows, f"{readable.title}, {key} {identifier}")
