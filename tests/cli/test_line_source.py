"""Lines of files and pipes: none is lost, split, doubled or misnumbered, however it is read."""

import gzip
import io
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.cli.errors import CommandError
from snowmelt.cli.line_source import STDIN, read_blocks

contents = st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=30).map(b"\n".join)


def _expected(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


@given(content=contents, size=st.integers(1, 40), compressed=st.booleans())
def test_every_line_comes_once_with_its_number(content: bytes, size: int, compressed: bool) -> None:
    if content.startswith(b"\x1f\x8b"):
        content = b" " + content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines"
        path.write_bytes(gzip.compress(content) if compressed else content)
        blocks = list(read_blocks(path, size))
        consumed = sum(block.consumed for block in blocks)
        total = path.stat().st_size
    assert [line for block in blocks for line in block.lines] == _expected(content)
    number = 1
    for block in blocks:
        assert block.first == number
        number += len(block.lines)
    assert consumed <= total
    if blocks and not compressed:
        assert consumed == total


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, compress: type[bytes]) -> None:
    stream = io.BytesIO(compress(b"a\nb\nc"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    assert [line for block in read_blocks(STDIN) for line in block.lines] == [b"a", b"b", b"c"]


def test_the_lines_of_a_pipe_come_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
        blocks = read_blocks(STDIN)
        pipe.write(b"first\nsec")
        assert next(blocks).lines == [b"first"]
        pipe.write(b"ond\n")
        assert next(blocks).lines == [b"second"]
        pipe.close()
        assert list(blocks) == []


@pytest.mark.parametrize(
    "broken", [gzip.compress(b"line\n" * 9)[:-9], b"\x1f\x8b\x08" + b"\0" * 40], ids=["cut", "garbled"]
)
def test_broken_gzip_is_an_error_that_names_the_file(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(broken)
    with pytest.raises(CommandError, match=r"broken\.gz cannot be read"):
        list(read_blocks(path))
