"""Definitions in a Python file: what stands at the top level of its module."""

import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import snowmelt.definitions
from snowmelt.cli.misreadings import misreadings
from snowmelt.definitions import AgenticDecision, AttributeGroup, AttributeKey, EventLog, RuleIntervention, Service

KINDS = (AttributeKey, AttributeGroup, Service, RuleIntervention, EventLog, AgenticDecision)

_OURS = [value for value in vars(snowmelt.definitions).values() if isinstance(value, AttributeKey)]
"""Keys that a file has only because it imports them."""


def read_python(path: Path) -> tuple[list[Any], list[str]]:
    """Run a Python file and collect its definitions, in its order; it stops at its first mistake.

    Objects at the top level count, also those in lists and tuples there; names that begin with an underscore
    do not. The file may import its neighbours.

    Returns:
        The definitions, and what is wrong with the file.
    """
    try:
        with _neighbours(path.absolute().parent):
            module = runpy.run_path(str(path), run_name=path.stem)
    except (Exception, SystemExit) as error:
        return [], list(_problems(error, path))
    found: list[Any] = []
    for name, value in module.items():
        if not name.startswith("_"):
            for item in value if isinstance(value, list | tuple) else (value,):
                if isinstance(item, KINDS) and not any(item is other for other in (*_OURS, *found)):
                    found.append(item)
    return found, []


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """Makes the modules in a folder importable, and forgets them afterwards: another may use their names."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            package = name.partition(".")[0]
            if (folder / f"{package}.py").exists() or (folder / package).is_dir():
                sys.modules.pop(name)


def _problems(error: BaseException, path: Path) -> Iterator[str]:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        yield f"line {error.lineno}: {error.msg}"
        return
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    place = f"line {lines[-1]}: " if lines else ""
    if isinstance(error, ValidationError):
        yield from (f"{place}{error.title}: {problem}" for problem in misreadings(error))
    else:
        # On one line, whatever the exception has to say.
        yield f"{place}{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
