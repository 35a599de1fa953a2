"""Text from strangers, made fit for a terminal."""

import re

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and what turns the direction of writing."""


def printable(text: str) -> str:
    """The text with escapes for what moves a terminal's cursor, or makes it show another text than there is.

    Lines and tabs stay. Events, and paths of requests, are whatever somebody sent.

    >>> printable("caf\\u00e9\\x1b[2J\\r\\n")
    'café\\\\x1b[2J\\\\r\\n'
    """
    return _UNFIT.sub(lambda found: repr(found[0])[1:-1], text)
