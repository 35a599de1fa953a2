"""Settings: where they come from, and what is refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from snowmelt.settings import CollectorSettings, EngineSettings, LogSettings, Settings
from snowmelt.settings_collector import CookieSettings, DoNotTrackCookieSettings, RootResponseSettings
from snowmelt.settings_enrichment import AnonIpSettings, EnrichmentSettings, HttpHeaderExtractorSettings, PiiJson


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and none of this machine's own settings."""
    import os

    for name in os.environ:
        if name.upper().startswith("SNOWMELT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_serve_this_machine_only() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert settings.sandbox_token is None
    assert settings.collector.cookie.name == "sp"
    assert settings.collector.max_body_bytes == 2 * 1024**2


def test_flags_win_over_the_environment_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "snowmelt.toml").write_text(
        'port = 1\nhost = "0.0.0.0"\nworkers = 4\n[log]\nretention_hours = 2\n[collector.paths]\n"/a/b" = "/c/d"\n'
    )
    monkeypatch.setenv("SNOWMELT_PORT", "2")
    monkeypatch.setenv("SNOWMELT_WORKERS", "3")
    monkeypatch.setenv("SNOWMELT_LOG__RETENTION_HOURS", "48")
    monkeypatch.setenv("SNOWMELT_COLLECTOR__COOKIE__DOMAINS", '["a.example", "b.example"]')
    settings = Settings().overridden(port=5, workers=None)
    assert (settings.port, settings.workers, settings.host) == (5, 3, "0.0.0.0")
    assert settings.log.retention_hours == 48
    assert settings.collector.cookie.domains == ["a.example", "b.example"]
    assert settings.collector.paths == {"/a/b": "/c/d"}


def test_settings_travel_to_other_processes_as_json() -> None:
    settings = Settings(data_dir=Path("/d"), sandbox_token="secret", collector={"paths": {"/a/b": "/c/d"}})
    fields = settings.model_dump(mode="json") | {"sandbox_token": "secret"}
    assert Settings.model_validate(fields) == settings


def test_a_token_is_not_shown() -> None:
    settings = Settings(sandbox_token="secret")
    assert "secret" not in repr(settings) and "secret" not in str(settings.model_dump())


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        (Settings, {"port": 65_536}),
        (Settings, {"port": -1}),
        (Settings, {"workers": 0}),
        (Settings, {"workers": 65}),
        (Settings, {"sandbox_token": ""}),
        (Settings, {"log_level": "loud"}),
        (LogSettings, {"map_size": 0}),
        (LogSettings, {"retention_hours": -1}),
        (LogSettings, {"retention": 24}),
        (EngineSettings, {"commit_ms": 0}),
        (EngineSettings, {"cache_keys": 0}),
        (EngineSettings, {"checkpoint_minutes": 0}),
        (EngineSettings, {"map_size": 100}),
        (CollectorSettings, {"max_body_bytes": 0}),
        (CollectorSettings, {"max_header_bytes": 0}),
        (CollectorSettings, {"paths": {"/one": "/a/b"}}),
        (CollectorSettings, {"paths": {"/a/b/c": "/a/b"}}),
        (CollectorSettings, {"paths": {"/a/b": "/i"}}),
        (CollectorSettings, {"paths": {"/a/b": "c/d"}}),
        (CollectorSettings, {"paths": {"/a/b?c": "/c/d"}}),
        (CollectorSettings, {"paths": {"/a/b": "/r/else"}}),
        (CollectorSettings, {"trusted_proxies": ["proxy.example"]}),
        (DoNotTrackCookieSettings, {"value": "("}),
        (RootResponseSettings, {"headers": {"a b": "c"}}),
        (RootResponseSettings, {"headers": {"location": "a\r\nb: c"}}),
        (CollectorSettings, {"paths": {"/r/b": "/c/d"}}),
        (CollectorSettings, {"paths": {"/api/b": "/c/d"}}),
        (EnrichmentSettings, {"max_lengths": {"contexts": 7}}),
        (EnrichmentSettings, {"campaing": {}}),
        (PiiJson, {"schema_criterion": "com.acme/order", "field": "contexts", "json_path": "$"}),
        (HttpHeaderExtractorSettings, {"headers_pattern": "("}),
        (AnonIpSettings, {"anon_octets": 5}),
        (CookieSettings, {"name": "a b"}),
        (CookieSettings, {"name": ""}),
        (CookieSettings, {"name": "a;b"}),
        (CookieSettings, {"expiration_days": 0}),
        (CookieSettings, {"expiration_days": 10**9}),
        (CookieSettings, {"same_site": "sometimes"}),
        (CookieSettings, {"doman": "typo"}),
    ],
)
def test_what_cannot_work_is_refused(section: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        section(**wrong)
    assert str(caught.value.errors()[0]["loc"][0]) == next(iter(wrong))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"pii": {"enabled": True, "columns": ["user_id"]}}, "a salt is needed"),
        ({"pii": {"enabled": True, "salt": "s"}}, "name the columns"),
        ({"iab": {"ip_file": "a"}}, "all three files"),
        ({"iab": {"include_useragents": ["a"]}}, "need the three files"),
        ({"asn_lookups": {"bot_asns": [1]}}, "needs ip_lookups.asn or ip_lookups.isp"),
    ],
)
def test_enrichments_that_lack_something_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        EnrichmentSettings.model_validate(wrong)


def test_a_salt_is_not_shown() -> None:
    settings = EnrichmentSettings.model_validate({"pii": {"enabled": True, "columns": ["user_id"], "salt": "pepper"}})
    assert "pepper" not in repr(settings)


@pytest.mark.parametrize(("written", "meant"), [("none", "None"), ("LAX", "Lax"), ("strict", "Strict"), ("", None)])
def test_same_site_is_read_in_any_case(written: str, meant: str | None) -> None:
    assert CookieSettings(same_site=written).same_site == meant  # type: ignore[arg-type]


def test_a_misspelt_setting_in_the_file_is_refused(elsewhere: Path) -> None:
    (elsewhere / "snowmelt.toml").write_text("[collector]\nmax_body = 5\n")
    with pytest.raises(ValidationError, match="max_body"):
        Settings()
    (elsewhere / "snowmelt.toml").write_text("prot = 5\n")
    with pytest.raises(ValidationError, match="prot"):
        Settings()


def test_other_variables_of_the_environment_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_API_URL", "http://localhost:8080")
    monkeypatch.setenv("SNOWMELT_CRASH_ROUNDS", "20")
    assert Settings().port == 8080
