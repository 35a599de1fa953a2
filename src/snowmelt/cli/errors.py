"""How a command tells that it could not do what was asked: one message, no traceback, a status."""

import sys
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup

from snowmelt.errors import SnowmeltError

FAILED = 1


class CommandError(SnowmeltError):
    """A command cannot be carried out as it was given."""

    code: ClassVar[str] = "command"


class ErrorReportingGroup(TyperGroup):
    """Turns errors that the reader can act on into a message on standard error and exit status 1.

    Other exceptions are mistakes in Snowmelt and keep their traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SnowmeltError as error:
            print_error(error)
            raise typer.Exit(FAILED) from error


def print_error(error: Exception) -> None:
    """Print an error and its notes, the word ``error`` in red on a terminal."""
    text = str(error)
    if isinstance(error, SnowmeltError):
        # Imported here: a command that succeeds need not know what a client can raise.
        from snowmelt.cli.refusals import told

        text = told(error)
    lines = [text, *(f"  {note}" for note in getattr(error, "__notes__", ()))]
    typer.echo(typer.style("error: ", fg=typer.colors.RED, bold=True) + "\n".join(lines), err=True)


def warn(text: str) -> None:
    """Print a line that is not part of a command's result."""
    sys.stdout.flush()
    typer.echo(text, err=True)
