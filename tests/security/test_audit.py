"""The audit of the dependencies says what it knows, and that it does not know what it does not."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = "a==1.0 \\\n    --hash=sha256:00\n    # via b\nb==2.0 ; python_version < '3.13' \\\n    --hash=sha256:11\n"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """``scripts/audit.py`` as a module."""
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(*entries: dict[str, Any]) -> str:
    return json.dumps({"dependencies": entries, "fixes": []})


CLEAN_A = {"name": "a", "version": "1.0", "vulns": []}
CLEAN_B = {"name": "b", "version": "2.0", "vulns": []}
SKIPPED_B = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (2.0)"}
BAD_B = {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


@pytest.mark.parametrize(
    ("reports", "strict", "lenient", "said"),
    [
        ([report(CLEAN_A, CLEAN_B)], 0, 0, "2 of 2 pinned packages"),
        ([report(CLEAN_A, SKIPPED_B)], 2, 0, "DONE ONLY IN PART"),
        ([report({**SKIPPED_B, "name": "a"}, SKIPPED_B)], 2, 0, "NOT DONE"),
        ([""], 2, 0, "NOT DONE"),
        (["Traceback (most recent call last):"], 2, 0, "NOT DONE"),
        (["[]"], 2, 0, "NOT DONE"),
        ([report(CLEAN_A, BAD_B)], 1, 1, "VULNERABLE b 2.0: PYSEC-1, mended in 2.1"),
        ([report(BAD_B)], 1, 1, "VULNERABLE b 2.0"),
        (["", report(CLEAN_A, CLEAN_B)], 0, 0, "2 of 2 pinned packages"),
    ],
    ids=["clean", "in part", "a mirror that knows nothing", "offline", "crashed", "other JSON", "vulnerable",
         "vulnerable and in part", "known from another file"],
)  # fmt: skip
def test_no_answer_is_not_taken_for_a_good_one(
    audit: ModuleType, reports: list[str], strict: int, lenient: int, said: str
) -> None:
    audits = [audit.judged(audit.pinned(PINS), each) for each in reports]
    for if_possible, expected in ((False, strict), (True, lenient)):
        status, lines = audit.summary(audits, if_possible=if_possible)
        assert status == expected
        assert said in "\n".join(lines)
        assert any("!!" in line for line in lines) == (
            said in ("NOT DONE", "DONE ONLY IN PART") or reports == [report(BAD_B)]
        )


def test_every_pinned_package_is_asked_about_once(audit: ModuleType) -> None:
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(files) >= 5
    packages = set()
    for file in files:
        text = file.read_text()
        pinned = audit.pinned(text)
        assert len(pinned) == sum(line.endswith("\\") and not line.startswith(" ") for line in text.splitlines())
        packages |= pinned
    assert len(packages) >= 100
    rounds = audit.rounds(packages)
    assert sorted(package for each in rounds for package in each) == sorted(packages)
    assert all(len({name for name, _ in each}) == len(each) for each in rounds)
