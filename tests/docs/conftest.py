"""Finds what the documents show, so that it can be run."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
LABELLED = re.compile(
    r"<!-- tested: (?P<label>[a-z ]+) -->\n```(?P<language>\w+)\n(?P<code>.*?)```\n"
    r"(?:\n```(?P<kind>json|text)\n(?P<shown>.*?)```\n)?",
    re.DOTALL,
)


class Example(NamedTuple):
    """A block of code in a document, and the output that is shown right below it."""

    language: str
    code: str
    kind: str | None
    shown: str | None


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def documents() -> dict[str, str]:
    """Every document's text, by its path in the project."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("compat/*.md")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(paths)}


@pytest.fixture(scope="session")
def examples(documents: dict[str, str]) -> Callable[[str, str], list[Example]]:
    """The blocks of a document that carry a label; there is at least one."""

    def labelled(document: str, label: str) -> list[Example]:
        found = [
            Example(match["language"], match["code"], match["kind"], match["shown"])
            for match in LABELLED.finditer(documents[document])
            if match["label"] == label
        ]
        assert found, f"{document} has no block with the label {label!r}"
        return found

    return labelled


@pytest.fixture(scope="session")
def table(documents: dict[str, str]) -> Callable[[str, str], list[list[str]]]:
    """The cells below the header of a table in a document, without backticks; the header names it."""

    def rows(document: str, header: str) -> list[list[str]]:
        lines = documents[document].splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith(f"| {header}"))
        cells = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            cells.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
        assert cells
        return cells

    return rows


@pytest.fixture(scope="session")
def make_docs() -> ModuleType:
    """``scripts/make_docs.py`` as a module."""
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
