"""The page's sources: types, colours, packages without addresses, and what the build says where it cannot be done."""

import importlib.util
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import chromium

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "shop"


def test_its_types_hold(page_folder: Path) -> None:
    done = subprocess.run(["npm", "run", "--silent", "check"], cwd=SHOP, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_packages_are_locked_by_hash_and_without_addresses() -> None:
    lock = json.loads((SHOP / "package-lock.json").read_text())["packages"]
    wanted = json.loads((SHOP / "package.json").read_text())
    own = lock.pop("")
    assert (own["dependencies"], own["devDependencies"]) == (wanted["dependencies"], wanted["devDependencies"])
    assert all("resolved" not in package and package["integrity"].startswith("sha512-") for package in lock.values())


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def _contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines define it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_their_grounds(theme: str) -> None:
    light, dark = re.findall(r":root \{(.*?)\}", (SHOP / "src" / "style.css").read_text(), flags=re.DOTALL)
    colours = _variables(light) | (_variables(dark) if theme == "dark" else {})
    pairs = [(text, ground) for text in ("ink", "muted", "accent", "trouble") for ground in ("ground", "surface")]
    pairs += [("accent-ink", "accent"), ("accent", "accent-soft"), ("ink", "offer"), ("offer-ink", "offer")]
    weak = {pair: round(ratio, 2) for pair in pairs if (ratio := _contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert weak == {}


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
        (None, None, "it needs Node (20 or newer) and npm"),
        ("echo v18.20.1", "exit 0", "it needs Node 20 or newer, and this is 18.20.1"),
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
