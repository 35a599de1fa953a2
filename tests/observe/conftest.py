"""The figures of what is observed, at the end of a run in one process."""

from typing import Any

from figures import print_counts


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was looked at."""
    print_counts(terminalreporter)
