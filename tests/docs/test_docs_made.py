"""What is made from code is as the code is now, and what points somewhere arrives."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from snowmelt.cli.app import app

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.py)`")
FOLDER = re.compile(r"`((?:[a-z_]+/)+)`")
COMMAND = re.compile(r"(?:^|[`/ (])snowmelt ([a-z]+)(?: (list|show|create|revoke))?(?=[ `\n)]|$)", re.MULTILINE)


def test_nothing_made_is_stale(make_docs: ModuleType, root: Path) -> None:
    assert [str(path.relative_to(root)) for path in make_docs.stale()] == [], "run `make docs`"


def test_every_kind_of_block_is_used(make_docs: ModuleType, documents: dict[str, str]) -> None:
    used = {name for text in documents.values() for name in re.findall(r"<!-- made: ([a-z-]+) -->", text)}
    assert used == set(make_docs.BLOCKS)


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown viewer gives the headings."""
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(documents: dict[str, str], root: Path) -> None:
    broken = []
    for name, text in documents.items():
        for link in LINK.findall(FENCED.sub("", text)):
            target, _, anchor = link.partition("#")
            if target.startswith("http"):
                continue
            path = (root / name).parent / target if target else root / name
            if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_files_and_folders_that_are_named_exist(documents: dict[str, str], root: Path) -> None:
    """Paths are below the package, or below the project; a bare file name is of some room."""
    package = root / "src" / "snowmelt"
    # What a reader is told to make, and the entries of a data folder.
    theirs = {
        "tutorial.py",
        "conftest.py",
        "spread.py",
        "compute/aggregations/spread.py",
        "log/",
        "profiles/",
        "outbox/",
        "mailboxes/",
        "erasures/",
    }
    missing = []
    for name, text in documents.items():
        for found in {*SOURCE.findall(text), *FOLDER.findall(text)} - theirs:
            bare = "/" not in found and any(package.rglob(found))
            if not (bare or (package / found).exists() or (root / found).exists()):
                missing.append(f"{name}: {found}")
    assert missing == []


def test_commands_that_are_named_exist(documents: dict[str, str]) -> None:
    group: Any = get_command(app)
    commands = {name: getattr(command, "commands", {}) for name, command in group.commands.items()}
    unknown = []
    for name, text in documents.items():
        for command, subcommand in COMMAND.findall("\n".join(_code(text))):
            if command not in commands or (subcommand and subcommand not in commands[command]):
                unknown.append(f"{name}: snowmelt {command} {subcommand}")
    assert unknown == []
    assert set(commands) <= {word for word, _ in COMMAND.findall(documents["CHANGELOG.md"])} | {
        word.strip("`") for word in re.findall(r"`[a-z]+`", documents["CHANGELOG.md"])
    }


def _code(text: str) -> list[str]:
    """Inline code and blocks of shell commands; a line of an indented block is one too."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    (\S.*)$", FENCED.sub("", text), re.MULTILINE)
    return [*blocks, *indented, *re.findall(r"`(snowmelt [^`]+)`", text)]


def test_every_verb_of_make_is_described(documents: dict[str, str], root: Path) -> None:
    verbs = set(re.findall(r"^([a-z]+):.*## ", (root / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^\| `make ([a-z]+)`", documents["CONTRIBUTING.md"], re.MULTILINE)) == verbs


@pytest.mark.parametrize("word", ["/root", "/tmp", "/home", "TODO", "FIXME"])
def test_no_document_speaks_of_one_machine(documents: dict[str, str], word: str) -> None:
    assert [name for name, text in documents.items() if word in text] == []
