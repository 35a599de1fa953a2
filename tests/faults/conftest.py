"""The figures of what was broken and of what was compared, told at the end."""

from typing import Any

from fault_figures import FIGURES


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was done, where it was done in this process."""
    for name, number in FIGURES.items():
        terminalreporter.write_line(f"{name}: {number}")
