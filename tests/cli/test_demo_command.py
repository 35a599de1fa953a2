"""``snowmelt demo --once``: a real server, a real tracker, and every value right."""

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
from snowmelt.definitions import InterventionInstance, TargetAttributeKey
from snowmelt.demo.offers import Offers
from snowmelt.demo.shoppers import Shopper


@pytest.mark.process
def test_once_ends_with_a_table_in_which_everything_agrees(run: Any, data: Path) -> None:
    result = run("demo", "--once", "--seconds", "3", "--shoppers", "12", "--data-dir", data)
    assert result.exit_code == 0, result.output
    header = "\t".join(demo_module.COLUMNS)
    rows = [line.split("\t") for line in result.stdout.partition(f"{header}\n")[2].splitlines()]
    *shoppers, summary, offers = rows
    assert len(set(demo_module.COLUMNS)) == len(demo_module.COLUMNS)
    assert "follow " not in result.stdout
    assert "shop     " in result.stdout
    assert len(shoppers) == 12
    assert all(row[1::2] == row[2::2] for row in shoppers)
    assert sum(int(row[1]) for row in shoppers) > 0
    assert "every value that was read is what was sent" in summary[0]
    sent = sum(int(row[7]) for row in shoppers)
    assert offers == [f"{sent} offers to 12 shoppers: each that was due came once, and no other"]
    assert sent > 0
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
        # What is started in the background of a script is told to ignore it, and so would be all below.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("server   http://127.0.0.1:")
        assert process.stdout.readline().startswith("shop     ")
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


def test_without_a_page_one_line_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("snowmelt.demo.page.BUILT", Path("absent"))
    server: Any = SimpleNamespace(url="http://127.0.0.1:8080", token="t")
    shop: Any = SimpleNamespace(shoppers=[])
    with demo_module._page(server.url, 0) as page:
        demo_module._introduce(server, shop, page, follow=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "shop     no page: it is not built (`make shop` does it in a checkout, with Node)"
    ]


RIGHT: dict[str, dict[str, Any]] = {
    "a": {"count_product_views": 2, "count_add_to_cart": None, "total_cart_value": None},
    "b": {"count_product_views": 1, "count_add_to_cart": 1, "total_cart_value": 19.99},
}


def _judge(values: dict[str, dict[str, Any]], came: list[str]) -> None:
    """Have it judged what was read of two shoppers, and which offers came to the second."""
    shoppers = [Shopper("Aino", "a", views=2), Shopper("Bilal", "b", views=1, carts=1, cents=1999)]
    shop: Any = SimpleNamespace(shoppers=shoppers, tracked=4)
    signals: Any = SimpleNamespace(get_service_attributes_batch=lambda name, key, ids: values)
    offers = Offers(signals, shoppers)
    for name in came:
        target = TargetAttributeKey(name="domain_userid", id="b")
        offers._take(InterventionInstance(name=name, version=1, target_attribute_key=target))
    _check(signals, shop, offers)


def test_a_single_wrong_value_fails_it() -> None:
    _judge(RIGHT, ["cart_abandonment"])
    wrong = RIGHT | {"b": RIGHT["b"] | {"total_cart_value": 19.98}}
    with pytest.raises(CommandError, match="differs from what was sent for 1 shoppers: Bilal"):
        _judge(wrong, ["cart_abandonment"])


@pytest.mark.parametrize("came", [[], ["cart_abandonment"] * 2, ["cart_abandonment", "discount"]])
def test_an_offer_that_is_missing_repeated_or_not_due_fails_it(
    came: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "OFFER_SECONDS", 0.0)
    with pytest.raises(CommandError, match="other offers than those due, each once, came to 1 shoppers: Bilal"):
        _judge(RIGHT, came)
