"""``snowmelt interventions``: sending one to somebody, to see that it arrives."""

from __future__ import annotations

from typing import Annotated

import typer

from snowmelt.cli.config import DataDirOption
from snowmelt.cli.connection import TokenOption, UrlOption, connect
from snowmelt.cli.errors import CommandError

interventions_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Send interventions to whoever is subscribed."
)


@interventions_app.callback()
def interventions() -> None:
    """Send interventions to whoever is subscribed."""


@interventions_app.command()
def push(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the intervention; it need not be registered.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The attribute key, such as domain_userid.")],
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Whose.")],
    version: Annotated[int, typer.Option(metavar="N", min=1, help="Of the intervention.")] = 1,
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP:ATTRIBUTE=VALUE", help="A value to send along; may be given several times."),
    ] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Push one intervention to one identifier, as a test, and print what became of it.

    "success" says that a subscriber was there, "undelivered" that none was.

    \b
    Example:
      snowmelt interventions push discount domain_userid 218e8926-3858-431d-b2ed-66da03a1cbe5
    """
    from snowmelt.definitions import AttributeKeyIdentifiers, InterventionInstance

    attributes = dict(_value(one) for one in attribute or ())
    instance = InterventionInstance(name=name, version=version, attributes=attributes or None)
    with connect(url, token, data_dir) as signals:
        typer.echo(signals.push_intervention(AttributeKeyIdentifiers({key: [identifier]}), instance))


def _value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"{text} is no value to send along: write GROUP:ATTRIBUTE=VALUE")
    return name, value
