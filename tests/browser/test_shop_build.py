"""The build of the shop's page: packages without addresses, and what it says where it cannot be done."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import chromium

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "shop"


@pytest.mark.parametrize("folder", ["shop", "tests/conformance/node", "tests/trackers/browser", "tests/trackers/node"])
def test_packages_are_locked_by_hash_and_without_addresses(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    wanted = json.loads((ROOT / folder / "package.json").read_text())
    own = lock.pop("")
    for kind in ("dependencies", "devDependencies"):
        assert own.get(kind) == wanted.get(kind)
    assert all("resolved" not in package and package["integrity"].startswith("sha512-") for package in lock.values())


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that builds, for sources and a page of its own, where no program is found."""
    spec = importlib.util.spec_from_file_location("build_shop", ROOT / "scripts" / "build_shop.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sources, build = tmp_path / "shop", tmp_path / ".build"
    sources.mkdir()
    (sources / "index.html").write_text("first")
    for name, path in (("SOURCES", sources), ("BUILD", build), ("PAGE", build / "shop")):
        monkeypatch.setattr(module, name, path)
    monkeypatch.setattr(module, "NEWEST", build / "shop" / "sources.sha256")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return module


@pytest.fixture
def program(tmp_path: Path, builder: ModuleType) -> Callable[[str, str], None]:
    """Make a program be found, as a shell script."""

    def write(name: str, script: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


@pytest.mark.parametrize(
    ("node", "npm", "why"),
    [
        (None, None, "it needs Node (18 or newer) and npm"),
        ("echo v16.20.1", "exit 0", "it needs Node 18 or newer, and this is 16.20.1"),
        (
            "echo v22.1.0",
            "echo no such registry >&2; exit 3",
            "`npm ci --no-progress` in shop/ fails: no such registry",
        ),
    ],
)
def test_where_it_cannot_be_built_one_line_says_why(
    builder: ModuleType,
    program: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    node: str | None,
    npm: str | None,
    why: str,
) -> None:
    if node and npm:
        program("node", node)
        program("npm", npm)
    builder.PAGE.mkdir(parents=True)
    (builder.PAGE / "index.html").write_text("of older sources")
    assert builder.main() == 1
    assert capsys.readouterr().err == f"the shop's page is not built: {why}\n"
    assert not builder.PAGE.exists()


def test_it_is_built_anew_when_its_sources_are_others(builder: ModuleType, program: Callable[[str, str], None]) -> None:
    program("node", "echo v22.1.0")
    program("npm", f'[ "$1" = ci ] || /bin/mkdir -p "{builder.PAGE}"; echo "$1" >> "{builder.SOURCES.parent}/calls"')
    for expected in (2, 2, 4):
        if expected == 4:
            (builder.SOURCES / "index.html").write_text("second")
        assert builder.main() == 0
        assert len((builder.SOURCES.parent / "calls").read_text().splitlines()) == expected
    assert (builder.PAGE / "index.html").read_text() == "second"


def test_a_machine_without_chromium_is_told_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="run `scripts/system-deps tests`"):
        chromium.executable()
