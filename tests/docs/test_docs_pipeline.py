"""What the page about the pipeline shows works as it stands, and its tables leave nothing out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from snowmelt.enrichment.failed import Category
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.order import ORDER, build_steps
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.events.payload import CollectorPayload
from snowmelt.settings import Settings
from snowmelt.settings_enrichment import EnrichmentSettings

PAGE = "docs/pipeline.md"
Table = Callable[[str, str], list[list[str]]]


def test_the_settings_are_some(examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples(PAGE, "toml")
    (tmp_path / "snowmelt.toml").write_text(example.code)
    monkeypatch.chdir(tmp_path)
    enrichment = Settings().enrichment
    assert enrichment.pii.columns == ["user_id"]
    assert {"event_fingerprint", "anon_ip", "pii"} <= {step.name for step in build_steps(enrichment)}


def test_the_enrichment_of_ones_own_works(examples: Any) -> None:
    (example,) = examples(PAGE, "enrichment")
    names: dict[str, Any] = {}
    exec(example.code, names)  # noqa: S102
    loyalty = names["Loyalty"]({"tiers": {"c-1": "gold"}})
    raw = RawEvent("a", "b", {}, CollectorPayload(timestamp=0, path="/i"))
    event = {"user_id": "c-1"}
    loyalty.apply(event, raw)
    assert event["derived_contexts"][0]["data"] == {"tier": "gold"}  # type: ignore[index]
    with pytest.raises(EnrichmentFailure, match="a customer's number"):
        loyalty.apply({"user_id": "x"}, raw)
    loyalty.apply({}, raw)


def test_every_table_of_settings_has_its_place_in_the_order() -> None:
    tables = {name for name, value in EnrichmentSettings() if isinstance(value, BaseModel)} | {"custom"}
    assert {place.setting for place in ORDER if place.setting} == tables - {"asn_lookups"}


def test_every_category_of_failed_events_is_explained(table: Table) -> None:
    told = " ".join(row[0] for row in table(PAGE, "category | what failed"))
    assert all(category in told for category in get_args(Category))
