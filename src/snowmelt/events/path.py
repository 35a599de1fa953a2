"""Property paths: where inside an event's or entity's data a value is found."""

import re

Path = tuple[str | int, ...]

_SEGMENT = re.compile(r"([^\[\]]*)((?:\[[0-9]{1,9}\])*)")


def parse_path(text: str) -> Path:
    """The steps of a path, from the outside in: object keys as text, array positions as numbers.

    A leading ``$`` or ``$.`` is optional. A piece that is neither a name nor ``[n]`` is kept as a name, so
    that it finds nothing; a path never fails.

    >>> parse_path("$.items[0].price")
    ('items', 0, 'price')
    >>> parse_path("price")
    ('price',)
    >>> parse_path("$[2]")
    (2,)
    """
    if text == "$" or text.startswith(("$.", "$[")):
        text = text[1:].removeprefix(".")
    if not text:
        return ()
    steps: list[str | int] = []
    for segment in text.split("."):
        match = _SEGMENT.fullmatch(segment)
        if match is None:
            steps.append(segment)
            continue
        name, positions = match.groups()
        if name or not positions:
            steps.append(name)
        steps.extend(int(position) for position in positions[1:-1].split("][") if position)
    return tuple(steps)
