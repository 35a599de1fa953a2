"""The figures of backups, restores and upgrades, at the end of a run in one process."""

from typing import Any

from figures import print_counts


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was compared."""
    print_counts(terminalreporter)
