"""All commands, in the order in which help shows them."""

from collections.abc import Callable
from typing import Annotated

import typer

from snowmelt.cli import failed_messages as failed_messages
from snowmelt.cli.apply import apply
from snowmelt.cli.backup import backup
from snowmelt.cli.bench import bench
from snowmelt.cli.demo import demo
from snowmelt.cli.doctor import doctor
from snowmelt.cli.errors import ErrorReportingGroup
from snowmelt.cli.explain import explain
from snowmelt.cli.failed import failed_app
from snowmelt.cli.get import get
from snowmelt.cli.ingest import ingest
from snowmelt.cli.interventions import interventions_app
from snowmelt.cli.mcp import mcp
from snowmelt.cli.restore import restore
from snowmelt.cli.schema import schema_app
from snowmelt.cli.serve import serve
from snowmelt.cli.token import token_app
from snowmelt.cli.user_data import erase, export
from snowmelt.cli.watch import watch
from snowmelt.cli.webhook import webhook_app

app = typer.Typer(
    cls=ErrorReportingGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import snowmelt

        typer.echo(f"snowmelt {snowmelt.__version__}")
        raise typer.Exit


@app.callback()
def snowmelt(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Live attributes of your customers, from a stream of Snowplow events.

    \b
    Start here:
      snowmelt demo               see it work, with simulated shoppers
      snowmelt serve              run a server on ./snowmelt-data
      snowmelt COMMAND --help     what a command does, with an example

    Settings come from ./snowmelt.toml, then SNOWMELT_... variables, then flags.
    """


_COMMANDS: tuple[Callable[..., None], ...] = (
    serve,
    demo,
    apply,
    get,
    watch,
    ingest,
    explain,
    mcp,
    export,
    erase,
    backup,
    restore,
    doctor,
    bench,
)

for command in _COMMANDS:
    app.command()(command)
app.add_typer(failed_app, name="failed")
app.add_typer(interventions_app, name="interventions")
app.add_typer(schema_app, name="schema")
app.add_typer(token_app, name="token")
app.add_typer(webhook_app, name="webhook")
