"""Enrichments of the operator's own: what they can do, and what they cannot do to the engine."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Server, eventually
from pipeline_rows import JSON, PAGE_VIEW, TP2, payload_data
from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enriched, Enricher, Outcome
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.enrichment.steps.step import EnrichmentSetupError
from snowmelt.events.payload import CollectorPayload
from snowmelt.runtimes import custom_enrichment
from snowmelt.runtimes.custom_enrichment import CustomEnrichment, custom_steps
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.enricher import enricher_of
from snowmelt.settings import Settings
from snowmelt.settings_enrichment import CustomEnrichmentSettings, EnrichmentSettings
from snowmelt.stores.failed_events import FailedEvents

MODULE = '''
import re
import sys
import time

from snowmelt.enrichment.steps.step import EnrichmentFailure, add_entity


class Loyalty:
    """Attaches the tier of a customer; what `page_title` says tells it to misbehave."""

    def __init__(self, options):
        self.tier = options["tier"]
        self.seen = 0
        print("started", options)

    def apply(self, event, raw):
        self.seen += 1
        word = event.get("page_title")
        if word == "raise":
            raise KeyError("tier")
        if word == "fail":
            raise EnrichmentFailure("page_title", word, "something else")
        if word == "sleep":
            time.sleep(60)
        if word == "stubborn":
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        if word == "exit":
            raise SystemExit(3)
        if word == "column":
            event["colour"] = "red"
        if word == "type":
            event["txn_id"] = "seven"
        if word == "object":
            event["app_id"] = re.compile("a")
        if word == "unpicklable":
            event["app_id"] = lambda: None
        if word == "id":
            del event["event_id"]
        if word == "entity":
            add_entity(event, "no uri", {})
        if word == "tab":
            event["app_id"] = "a\\tb"
        add_entity(event, "iglu:com.acme/loyalty/jsonschema/1-0-0", {
            "tier": self.tier, "seen": self.seen, "ip": event["user_ipaddress"], "path": raw.payload.path,
        })


class Broken:
    def __init__(self, options):
        raise RuntimeError("no licence")
'''

LOYALTY = CustomEnrichmentSettings(options={"tier": "gold"}, timeout_ms=400)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that offers enrichments, here and to other processes."""
    folder = tmp_path / "site"
    metadata = folder / "acme_enrichments-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "acme_enrichments.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-enrichments\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[snowmelt.enrichments]\nloyalty = acme_enrichments:Loyalty\nbroken = acme_enrichments:Broken\n"
    )
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


Enrich = Callable[[str], Outcome]


@pytest.fixture
def step(package: Path) -> Iterator[CustomEnrichment]:
    custom = CustomEnrichment("loyalty", LOYALTY)
    yield custom
    custom.close()


@pytest.fixture
def enrich(step: CustomEnrichment) -> Enrich:
    """What becomes of a page view with a title."""
    settings = EnrichmentSettings.model_validate({"anon_ip": {"enabled": True}, "ua_parser": {"enabled": False}})
    enricher = Enricher(steps=build_steps(settings, (step,)))

    def one(title: str) -> Outcome:
        [outcome] = enricher.enrich(
            CollectorPayload(
                timestamp=1_741_082_405_570,
                path="/i",
                querystring=f"e=se&p=web&se_va=42.50&page={title}",
                ip_address="94.15.213.171",
                collector="test-1",
            ),
            1_741_082_406_000,
        )
        return outcome

    return one


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, FailedEvent) and outcome.category == "enrichment_failures"
    return outcome.reason


def tiers(outcome: Outcome) -> list[Any]:
    assert isinstance(outcome, Enriched)
    return [entity["data"] for entity in outcome.event["derived_contexts"]]


def test_it_sees_the_real_address_and_keeps_what_it_remembers(enrich: Enrich) -> None:
    first, second = enrich("a"), enrich("b")
    assert tiers(first) == [{"tier": "gold", "seen": 1, "ip": "94.15.213.171", "path": "/i"}]
    assert tiers(second)[0]["seen"] == 2
    assert isinstance(first, Enriched)
    assert first.event["user_ipaddress"] == "94.15.213.x", "masking comes after it"
    assert first.event["se_value"] == Decimal("42.50"), "values keep their types on the way"


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("raise", "enrichment loyalty: KeyError: 'tier'"),
        ("fail", "page_title: expected something else"),
        ("column", "there is no column 'colour'"),
        ("type", "txn_id must hold a int"),
        ("object", "it holds a re._compile"),
        ("unpicklable", "left what is no event"),
        ("id", "event_id must not be taken away"),
        ("entity", "derived_contexts must hold self-describing JSONs"),
        ("tab", "app_id must not hold tabs or line breaks"),
    ],
)
def test_what_goes_wrong_fails_the_event_with_the_reason_and_no_other(enrich: Enrich, title: str, why: str) -> None:
    assert why in reason(enrich(title))
    assert tiers(enrich("good"))[0]["seen"] == 2, "its process is the same"


@pytest.mark.parametrize("title", ["sleep", "stubborn"])
def test_what_hangs_is_ended_in_time_whatever_it_hangs_in(enrich: Enrich, title: str) -> None:
    started = time.monotonic()
    assert "took longer than 400 ms" in reason(enrich(title))
    assert time.monotonic() - started < 2
    assert tiers(enrich("good"))[0]["seen"] == 1, "it was started anew"


def test_a_process_that_ends_is_started_anew(enrich: Enrich) -> None:
    assert "its process ended" in reason(enrich("exit"))
    assert tiers(enrich("good"))[0]["seen"] == 1


def test_a_hanging_one_costs_a_bounded_share_of_the_time(
    enrich: Enrich, step: CustomEnrichment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custom_enrichment, "LOST_SECONDS", 0.6)
    monkeypatch.setattr(custom_enrichment, "WINDOW_SECONDS", 2.0)
    assert "took longer" in reason(enrich("sleep"))
    eventually(lambda: "switched off" in reason(enrich("sleep")), "it is switched off", 10)
    started = time.monotonic()
    for _ in range(100):
        assert "switched off" in reason(enrich("good"))
    assert time.monotonic() - started < 0.5
    eventually(lambda: isinstance(enrich("good"), Enriched), "it is on again", 20)


def test_a_process_that_takes_no_input_is_ended_too(step: CustomEnrichment, enrich: Enrich) -> None:
    assert step._process is not None
    os.kill(step._process.pid, 19)  # stopped, so that a large event does not even fit into the socket
    assert "took longer" in reason(enrich("x" * 1_500_000))
    assert isinstance(enrich("good"), Enriched)


def test_what_cannot_start_is_refused_with_all_reasons(package: Path) -> None:
    with pytest.raises(EnrichmentSetupError) as caught:
        custom_steps({name: CustomEnrichmentSettings() for name in ("broken", "unknown", "loyalty")})
    message = str(caught.value)
    assert "the enrichment `broken` does not start: RuntimeError: no licence" in message
    assert "no installed package offers an enrichment `unknown`" in message
    assert "there is broken, loyalty" in message
    assert "the enrichment `loyalty` does not start: KeyError: 'tier'" in message


@pytest.mark.process
def test_an_engine_goes_on_past_an_enrichment_that_hangs(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "snowmelt.toml").write_text(
        '[enrichment.custom.loyalty]\ntimeout_ms = 300\noptions = { tier = "gold" }\n'
    )
    server = Server(folder)
    try:
        titles = ["a", "stubborn", "b", "raise", "c"]
        body = payload_data(*(PAGE_VIEW | {"page": title} for title in titles))
        assert httpx.post(f"{server.url}{TP2}", content=body, headers=dict([JSON])).status_code == 200
        eventually(lambda: server.metric("snowmelt_engine_events_total") == 3, "three events count")
        failed = FailedEvents(DataDir(folder).failed_events)
        assert sorted(entry.reason for entry in failed.list()) == [
            "enrichment loyalty: KeyError: 'tier'",
            "enrichment loyalty: took longer than 300 ms",
        ]
        failed.close()
        engine = next(pid for pid in server.processes()[1:] if enrichments_of(pid))
        [enrichment] = enrichments_of(engine)
        os.kill(engine, 9)
        eventually(lambda: not Path(f"/proc/{enrichment}").exists(), "it ends with its engine")
    finally:
        server.close()


def enrichments_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()]


def test_limits_of_lengths_follow_the_settings() -> None:
    payload = CollectorPayload(
        timestamp=0, path="/i", querystring=f"e=pv&p=web&aid={'x' * 300}&page={'y' * 50}", collector="test-1"
    )

    def outcome(**settings: Any) -> Outcome:
        found = {"enrichment": settings | {"ua_parser": {"enabled": False}}}
        [one] = enricher_of(Settings.model_validate(found)).enrich(payload, 0)
        return one

    assert isinstance(outcome(), FailedEvent)
    assert isinstance(outcome(max_lengths={"app_id": 300}), Enriched)
    assert isinstance(outcome(max_lengths={"app_id": 300, "page_title": 49}), FailedEvent)
    assert isinstance(outcome(accept_any_length=True), Enriched)


def test_everything_that_is_wrong_with_the_settings_is_said_at_once(package: Path) -> None:
    wrong = {
        "ip_lookups": {"geo": "/nowhere/city.mmdb"},
        "referer_parser": {"database": "/nowhere/referers.json"},
        "custom": {"nobody": {}},
    }
    with pytest.raises(EnrichmentSetupError) as caught:
        enricher_of(Settings.model_validate({"enrichment": wrong}))
    assert all(word in str(caught.value) for word in ("/nowhere/city.mmdb", "/nowhere/referers.json", "`nobody`"))
