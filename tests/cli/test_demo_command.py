"""``snowmelt demo --once``: a real server, a real tracker, and every value right."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from snowmelt.cli import demo as demo_module
from snowmelt.cli.demo import _check
from snowmelt.cli.errors import CommandError
from snowmelt.demo.shoppers import Shopper


@pytest.mark.process
def test_once_ends_with_a_table_in_which_everything_agrees(run: Any, data: Path) -> None:
    result = run("demo", "--once", "--seconds", "3", "--shoppers", "12", "--data-dir", data)
    assert result.exit_code == 0, result.output
    header = "\t".join(demo_module.COLUMNS)
    rows = [line.split("\t") for line in result.stdout.partition(f"{header}\n")[2].splitlines()]
    *shoppers, summary = rows
    assert len(set(demo_module.COLUMNS)) == len(demo_module.COLUMNS)
    assert "follow " not in result.stdout
    assert len(shoppers) == 12
    assert all((row[2], row[4], row[6]) == (row[3], row[5], row[7]) for row in shoppers)
    assert sum(int(row[2]) for row in shoppers) > 0
    assert "every value that was read is what was sent" in summary[0]
    assert not (data / "server.address").exists()


@pytest.mark.process
def test_control_c_leaves_neither_a_server_nor_its_folder(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "snowmelt", "demo", "--shoppers", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("server   http://127.0.0.1:")
        assert process.stdout.readline().startswith("follow   snowmelt watch ")
        [folder] = tmp_path.iterdir()
        server = int((folder / "data" / "server.lock").read_text())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=40)
        assert (process.returncode, errors) == (130, "")
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.kill(server, 0)
    finally:
        process.kill()
        process.communicate()


def test_a_single_wrong_value_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    shoppers = [Shopper("Aino", "a", views=2), Shopper("Bilal", "b", views=1, carts=1, cents=1999)]
    shop: Any = SimpleNamespace(shoppers=shoppers, tracked=4)
    values = {
        "a": {"count_product_views": 2, "count_add_to_cart": None, "total_cart_value": None},
        "b": {"count_product_views": 1, "count_add_to_cart": 1, "total_cart_value": 19.99},
    }
    signals: Any = SimpleNamespace(get_service_attributes_batch=lambda name, key, ids: json.loads(json.dumps(values)))
    _check(signals, shop)
    values["b"]["total_cart_value"] = 19.98
    with pytest.raises(CommandError, match="differs from what was sent for 1 shoppers: Bilal"):
        _check(signals, shop)
