"""Regular expressions that rules compare texts with."""

import re
from typing import Any, Protocol


class Expression(Protocol):
    """A compiled expression."""

    def search(self, text: str, /) -> Any:
        """What of a text matches, or ``None``."""


def expression(pattern: str) -> Expression:
    """A regular expression of RE2's syntax, which matches in time that grows with the text only.

    Where RE2 is not installed, as beside the client alone, Python's own engine checks the pattern; the server checks it
    again.

    Raises:
        ValueError: it is none, or is one that only a backtracking engine knows, such as a look-ahead.

    >>> bool(expression("^/(shoes|bags)/").search("/shoes/17"))
    True
    """
    try:
        import re2
    except ImportError:
        try:
            return re.compile(pattern)
        except re.error as error:
            raise ValueError(f"`{pattern}` is not a regular expression: {error}") from error
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Expression = re2.compile(pattern, options)
        return compiled
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"`{pattern}` is not a regular expression of RE2's syntax: {reason}") from error
