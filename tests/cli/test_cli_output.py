"""Tables on a terminal and in a pipe."""

import io

import pytest
from rich.console import Console

from snowmelt.cli import output
from snowmelt.cli.output import print_table, rich_table

ROWS = [("views", "3"), ("note", "two\tparts\n")]


def test_a_pipe_gets_tab_separated_lines_without_the_title(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "value"), ROWS, "title")
    assert capsys.readouterr().out == "name\tvalue\nviews\t3\nnote\ttwo parts\n"


def test_a_terminal_gets_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    print_table(("name", "value"), [("views", "[bold]3[/bold]")], "title")
    drawn = capsys.readouterr().out
    assert "title" in drawn
    assert "│ views │ [bold]3[/bold] │" in drawn


def test_numbers_stand_to_the_right() -> None:
    text = io.StringIO()
    Console(file=text, width=60).print(rich_table(("a", "b"), [("x", "1,000.5"), ("y", "-")]))
    assert "│ y │       - │" in text.getvalue()
