"""The fixtures in a suite of somebody else, which runs in a pytest of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CONFTEST = """
from snowmelt.testing import Visitor  # before pytest loads it as a plugin

pytest_plugins = ["snowmelt.testing"]
"""

SUITE = """
import pytest
from snowplow_tracker import PageView

from snowmelt import Attribute, Event, StreamAttributeGroup, domain_sessionid, domain_userid, user_id

views = Attribute(name="views", type="int32", aggregation="counter", events=[Event(name="page_view")])


@pytest.fixture(params=[domain_userid, domain_sessionid, user_id], ids=lambda key: key.name)
def group(request, signals):
    group = StreamAttributeGroup(
        name=f"by_{request.param.name}", attribute_key=request.param, attributes=[views], owner="you@example.com"
    )
    signals.publish([group])
    return group


@pytest.mark.parametrize("count", [1, 2])
def test_pages_are_counted(group, tracker, visitor, profile, count):
    for _ in range(count):
        tracker.track(PageView("https://shop.example/"))
    assert profile(group, getattr(visitor, group.attribute_key.name)) == {"views": count}


def test_one_server_serves_them_all(snowmelt_server, signals):
    assert len(signals.registry.list_attribute_groups()) == 3
    print("SERVER", snowmelt_server.process.pid)
"""

Suite = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Run a suite: its files by name, and further arguments of pytest."""

    def run(files: dict[str, str], *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist", "-s"]
        return subprocess.run(
            [*command, "--basetemp", str(tmp_path / "temp"), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | environment,
        )

    return run


@pytest.mark.process
def test_a_suite_of_somebody_else_passes_without_a_warning(suite: Suite) -> None:
    done = suite({"conftest.py": CONFTEST, "test_pages.py": SUITE})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert "warning" not in done.stdout.lower()
    server = int(done.stdout.partition("SERVER ")[2].split()[0])
    assert not Path(f"/proc/{server}").exists()


@pytest.mark.process
def test_a_server_that_does_not_start_fails_the_tests_with_its_log(suite: Suite, tmp_path: Path) -> None:
    """As where the packages of the server are not installed: the first that it imports is shadowed by an error."""
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "typer.py").write_text("raise ImportError('there is no typer here')")
    done = suite({"conftest.py": CONFTEST, "test_pages.py": SUITE}, "-k", "one_server", PYTHONPATH=str(shadow))
    assert done.returncode == 1
    assert "ServerError: the server did not start; it logged:" in done.stdout
    assert "there is no typer here" in done.stdout


def test_the_module_needs_neither_pytest_nor_the_server() -> None:
    program = (
        "import sys, json\n"
        "sys.modules['pytest'] = None\n"
        "import snowmelt.testing\n"
        "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"fastapi", "lmdb", "msgspec", "snowplow_tracker", "typer", "uvicorn", "_pytest"}


def test_no_run_of_pytest_loads_it_unasked(suite: Suite) -> None:
    done = suite({"test_nothing.py": "def test_nothing():\n    pass\n"}, "--trace-config")
    assert done.returncode == 0
    assert "snowmelt" not in done.stdout.partition("collected")[0].partition("active plugins")[2]
