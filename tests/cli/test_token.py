"""``snowmelt token``: the secret, API keys, and no folder where there was none."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from snowmelt.stores.registry import ROLES, Registry, digest_of


def test_a_mistyped_folder_is_not_made(run: Any, tmp_path: Path) -> None:
    result = run("token", "--data-dir", tmp_path / "typo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"there is no data folder {tmp_path / 'typo'}" in result.stderr
    assert not (tmp_path / "typo").exists()


def test_the_folder_keeps_one_token(run: Any, data: Path) -> None:
    first = run("token", "--data-dir", data).stdout
    assert first.strip()
    assert run("token", "--data-dir", data).stdout == first


def test_a_token_that_is_set_needs_no_folder(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_SANDBOX_TOKEN", "chosen")
    assert run("token", "--data-dir", tmp_path / "none").stdout == "chosen\n"
    assert not (tmp_path / "none").exists()


def created(run: Any, data: Path, *options: str) -> dict[str, Any]:
    result = run("token", "create", *options, "--json", "--data-dir", data)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def listed(run: Any, data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("token", "list", "--json", "--data-dir", data).stdout.splitlines()]


def test_a_key_is_shown_once_with_how_to_use_it(run: Any, data: Path) -> None:
    result = run("token", "create", "--role", "reader", "--name", "the shop", "--data-dir", data)
    assert result.exit_code == 0
    shown = dict(line.split(None, 1) for line in result.stdout.splitlines()[:5] if not line.startswith("key id"))
    (key,) = listed(run, data)
    with Registry.open(data / "registry.sqlite") as registry:
        assert shown["organization"] == registry.api_keys.organization()
        assert registry.api_keys.all()[0].digest == digest_of(shown["key"])
    assert (key["name"], key["role"], shown["role"], shown["expires"]) == ("the shop", "reader", "reader", "never")
    for told in (
        "Signals(",
        "SignalsSandbox(",
        f"/organizations/{shown['organization']}/credentials/v3/token",
        key["id"],
    ):
        assert told in result.stdout
    for again in (run("token", "list", "--data-dir", data), run("token", "list", "--json", "--data-dir", data)):
        assert key["id"] in again.stdout
        assert shown["key"] not in again.stdout
        assert digest_of(shown["key"]) not in again.stdout


def test_the_list_for_people(run: Any, data: Path) -> None:
    first = created(run, data, "--role", "writer", "--name", "loader", "--expires", "2100-01-01")
    run("token", "revoke", first["id"], "--data-dir", data)
    lines = run("token", "list", "--data-dir", data).stdout.splitlines()
    assert lines[0].split("\t") == ["id", "name", "role", "created", "last used", "expires", "revoked"]
    row = lines[1].split("\t")
    assert row[:3] == [first["id"], "loader", "writer"]
    assert row[4:6] == ["-", "2100-01-01T00:00:00Z"]
    assert row[6] >= row[3] == first["created_at"]


def test_expiry_is_a_duration_or_an_instant(run: Any, data: Path) -> None:
    until = datetime.fromisoformat(created(run, data, "--role", "admin", "--expires", "P30D")["expires_at"])
    assert abs(until - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)
    zoned = created(run, data, "--role", "admin", "--expires", "2100-01-01T01:00:00+01:00")
    assert zoned["expires_at"] == "2100-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--role", "owner"], 2, "'reader', 'writer', 'admin'"),
        ([], 2, "--role"),
        (["--role", "reader", "--expires", "tomorrow"], 1, "P90D"),
        (["--role", "reader", "--expires", "P9999999D"], 1, "P90D"),
        (["--role", "reader", "--expires", "2020-01-01"], 1, "is past"),
        (["--role", "reader", "--expires", "-PT1S"], 1, "--expires -PT1S"),
        (["--role", "reader", "--name", "x" * 129], 1, "at most 128"),
        (["--role", "reader", "--name", "two\nlines"], 1, "one line"),
    ],
)
def test_what_is_no_key_is_not_made(run: Any, data: Path, options: list[str], status: int, said: str) -> None:
    result = run("token", "create", *options, "--data-dir", data)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in " ".join(result.stderr.split())
    assert listed(run, data) == []


def test_a_key_is_revoked_by_its_id(run: Any, data: Path) -> None:
    key = created(run, data, "--role", "reader")
    result = run("token", "revoke", key["id"], "--data-dir", data)
    assert result.exit_code == 0
    (revoked,) = listed(run, data)
    assert revoked["revoked_at"] in result.stdout
    assert run("token", "revoke", key["id"], "--data-dir", data).stdout == result.stdout
    unknown = run("token", "revoke", "nobody", "--data-dir", data)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "there is no API key nobody: `snowmelt token list`" in unknown.stderr


def test_the_folder_may_be_named_before_the_verb(run: Any, data: Path) -> None:
    assert run("token", "--data-dir", data, "create", "--role", "reader").exit_code == 0
    assert len(listed(run, data)) == 1


@pytest.mark.parametrize("verb", [["create", "--role", "reader"], ["list"], ["revoke", "x"]])
def test_no_folder_is_made_by_managing_keys(run: Any, tmp_path: Path, verb: list[str]) -> None:
    result = run("token", *verb, "--data-dir", tmp_path / "typo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no data folder" in result.stderr
    assert not (tmp_path / "typo").exists()


def test_the_roles_are_those_of_the_registry(run: Any) -> None:
    assert f"<{'|'.join(ROLES)}>" in run("token", "create", "--help").stdout
