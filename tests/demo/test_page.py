"""The shop's page is served with what it must know, and nothing else is."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from snowmelt.definitions import InterventionCriteriaAll, RuleIntervention
from snowmelt.demo import page as page_module
from snowmelt.demo.page import PageServer, built_page, page_config
from snowmelt.demo.tutorial import tutorial_group, tutorial_interventions

SERVER = "http://127.0.0.1:8080"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of a page, which lies beside something that is not of it."""
    folder = tmp_path / "page"
    (folder / "inner").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Shop</title>")
    (tmp_path / "secret").write_text("secret")
    with PageServer(folder, page_config(SERVER, tutorial_interventions())) as server:
        yield server.url


def test_the_page_and_its_config(url: str) -> None:
    assert "<title>Shop</title>" in httpx.get(url).text
    config = httpx.get(f"{url}config.json").json()
    assert config["server"] == SERVER
    assert config["attributeKey"] == "domain_userid"
    columns = tutorial_group().column_names()
    assert [(rule["name"], rule["attribute"]) for rule in config["rules"]] == [
        ("discount", columns[0]),
        ("cart_abandonment", columns[1]),
        ("free_shipping", columns[2]),
    ]


def test_the_page_may_talk_to_its_server_and_to_nobody_else(url: str) -> None:
    for path in ("", "config.json", "absent"):
        headers = httpx.get(url + path).headers
        assert f"connect-src 'self' {SERVER};" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["absent", "inner/", "../secret", "%2e%2e/secret", "..%2fsecret"])
def test_there_is_nothing_else(url: str, path: str) -> None:
    answer = httpx.request("GET", httpx.URL(url).copy_with(raw_path=f"/{path}".encode()))
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace(path, "")


def test_a_port_that_is_taken_is_an_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="in use"), PageServer(tmp_path, {"server": SERVER}, httpx.URL(url).port or 0):
        pass


def test_a_page_that_is_not_whole_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "BUILT", tmp_path)
    (tmp_path / "main.js").touch()
    assert built_page() is None
    (tmp_path / "index.html").touch()
    assert built_page() == tmp_path


def test_a_rule_that_the_page_cannot_show_is_refused() -> None:
    (rule, *_) = tutorial_interventions()
    nested = RuleIntervention(name="both", criteria=InterventionCriteriaAll(all=[rule.criteria]), owner="a@example.com")
    with pytest.raises(TypeError, match="both has several"):
        page_config(SERVER, [nested])
