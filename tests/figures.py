"""What tests have counted, printed at the end where they ran in this process."""

from collections import Counter
from typing import Any

COUNTS: Counter[str] = Counter()
"""What was tried or compared -> how often. A name that begins with `differences` is expected to stay 0."""


def print_counts(terminalreporter: Any) -> None:
    """Write one line for each count, once, whichever folder's tests ask for it first."""
    for name, count in sorted(COUNTS.items()):
        terminalreporter.write_line(f"{name}: {count}")
    COUNTS.clear()
