"""The command line as a whole: help, errors, interruption, and how fast it answers."""

import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from snowmelt.cli import app as app_module
from snowmelt.cli.errors import CommandError, ErrorReportingGroup

COMMANDS = [
    ["serve"], ["demo"], ["apply"], ["get"], ["watch"], ["ingest"], ["explain"], ["mcp"], ["failed", "list"],
    ["failed", "show"], ["backup"], ["restore"], ["doctor"], ["token"], ["token", "create"], ["token", "list"],
    ["token", "revoke"], ["bench"], ["failed", "replay"], ["schema", "add"], ["schema", "list"],
    ["schema", "show"], ["schema", "validate"], ["failed", "messages"], ["failed", "message"], ["failed", "resend"],
    ["interventions", "push"], ["webhook", "add"], ["webhook", "list"], ["webhook", "remove"], ["webhook", "enable"],
    ["webhook", "test"], ["erase"], ["export"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command_has_an_example_of_it(run: Any, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    example = result.stdout.partition("Example:\n")[2]
    assert f"snowmelt {' '.join(command)}" in example


def test_the_list_of_commands_above_is_complete(run: Any) -> None:
    listed = run("--help").stdout.partition("Commands:\n")[2]
    assert {line.split()[0] for line in listed.splitlines()} == {command[0] for command in COMMANDS}


def test_no_summary_in_the_list_is_cut_off(run: Any) -> None:
    assert "..." not in run("--help").stdout.partition("Commands:\n")[2]


def test_help_loads_neither_the_server_nor_the_client() -> None:
    program = (
        "import sys\n"
        "from snowmelt.cli import main\n"
        "sys.argv = ['snowmelt', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'lmdb', 'sqlalchemy', 'fastapi', 'uvicorn', 'httpx', 'pydantic', 'msgspec', 'rich', 'yaml'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_of_the_module_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "snowmelt", "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("snowmelt ")


def test_a_wrong_option_is_a_usage_error(run: Any) -> None:
    result = run("doctor", "--no-such-thing")
    assert result.exit_code == 2
    assert "--no-such-thing" in result.stderr


def _program(error: BaseException) -> typer.Typer:
    program = typer.Typer(cls=ErrorReportingGroup)

    @program.callback()
    def root() -> None:
        pass

    @program.command()
    def fail() -> None:
        raise error

    return program


def test_an_error_is_one_message_with_its_notes_and_status_1() -> None:
    error = CommandError("the shelf is empty: fill it")
    error.add_note("while looking")
    result = CliRunner().invoke(_program(error), ["fail"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: the shelf is empty: fill it\n  while looking\n"


def test_an_error_in_a_command_of_a_command_is_reported_too(run: Any) -> None:
    result = run("failed", "list")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no data folder ")


def test_mistakes_in_snowmelt_keep_their_traceback() -> None:
    error = ZeroDivisionError()
    assert CliRunner().invoke(_program(error), ["fail"]).exception is error


def test_control_c_ends_with_status_130() -> None:
    result = CliRunner().invoke(_program(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.output) == (130, "")


def test_the_program_is_the_reporting_kind() -> None:
    assert app_module.app.info.cls is ErrorReportingGroup
