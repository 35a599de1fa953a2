"""What every child process of the supervisor does first and last."""

import sys
from collections.abc import Callable
from typing import NoReturn

from snowmelt.errors import SnowmeltError
from snowmelt.runtimes.logs import configure_logs
from snowmelt.settings import Settings

STDIN = 0
"""The life line: settings come on its first line, and it ends when the supervisor dies."""

EXIT_UNUSABLE = 78
"""The data folder or the settings cannot be used; starting again would not help."""


def run_child(main: Callable[[Settings], None]) -> NoReturn:
    """Run a child process with the settings that the supervisor sends."""
    settings = Settings.model_validate_json(sys.stdin.readline())
    configure_logs(settings.log_level, settings.log_format)
    try:
        main(settings)
    except SnowmeltError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_UNUSABLE)
    sys.exit(0)


def report_ready() -> None:
    """Tell the supervisor that this process does its work now."""
    print("ready", flush=True)  # noqa: T201
