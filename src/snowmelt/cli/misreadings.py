"""What reading a definition found wrong, short enough for a line."""

import re
from difflib import get_close_matches

from pydantic import ValidationError

from snowmelt.definitions.problems import Problem, problems_of

LONGEST_CHOICE = 20
"""A choice between more names than these is not listed; the nearest names are."""

_QUOTED = re.compile(r"'([^']*)'")


def misreadings(error: ValidationError) -> list[Problem]:
    """The problems of a definition, in which a long list of names is cut to the three nearest.

    >>> from snowmelt.definitions import AtomicProperty
    >>> try:
    ...     AtomicProperty(name="page_urlpth")
    ... except ValidationError as error:
    ...     print(misreadings(error)[0].msg)
    `page_urlpth` is none of the 131 names possible here; did you mean `page_urlpath`, `page_urlport` or `page_url`?
    """
    items = error.errors(include_url=False)
    return [
        Problem(problem.loc, _shortened(item["input"], item.get("ctx", {})) or problem.msg, problem.type)
        for problem, item in zip(problems_of(error), items, strict=True)
    ]


def _shortened(given: object, context: dict[str, object]) -> str | None:
    names = _QUOTED.findall(str(context.get("expected", "")))
    if len(names) <= LONGEST_CHOICE:
        return None
    # Three in any case: the nearest names say at least what kind of names is meant.
    *others, last = (f"`{name}`" for name in get_close_matches(str(given), names, n=3, cutoff=0.0))
    return f"`{given}` is none of the {len(names)} names possible here; did you mean {', '.join(others)} or {last}?"
