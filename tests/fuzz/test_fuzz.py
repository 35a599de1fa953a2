"""A short run of what ``make fuzz`` runs for long, requests that Hypothesis draws, and that the fuzzer finds faults."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import HEADERS, PATHS, Drawn, Fault, Fuzzer, run
from pipeline_rows import PAGE_VIEW, Ask, post
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.steps.order import STEPS

LATIN = st.text(st.characters(max_codepoint=255), max_size=60)


def test_a_few_thousand_wounded_requests() -> None:
    tally = asyncio.run(run(20_250_304, range(3_000)))
    assert {200, 302, 400, 404} <= tally.statuses.keys()
    assert {"good", "SV", "TP", "AF", "CF", "SZ"} <= tally.outcomes.keys()


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Fuzzer:
    return Fuzzer(tmp_path_factory.mktemp("fuzz"))


@given(
    st.builds(
        Ask,
        st.sampled_from(["GET", "POST", "HEAD", "OPTIONS"]),
        st.builds("{}?{}".format, st.one_of(st.sampled_from(PATHS), LATIN.map(lambda text: f"/{text}")), LATIN),
        st.lists(st.one_of(st.sampled_from(HEADERS), st.tuples(st.just("X-Any"), LATIN)), max_size=5),
        st.one_of(st.binary(max_size=5_000), st.integers(0).map(lambda seed: Drawn(seed).ask().body)),
    )
)
def test_any_request(fuzzer: Fuzzer, ask: Ask) -> None:
    asyncio.run(fuzzer.send(ask))


class Breaks:
    name = "breaks"

    def apply(self, event: Any, raw: Any) -> None:
        raise ZeroDivisionError


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Fuzzer]:
    yield Fuzzer(tmp_path)


def test_the_fuzzer_finds_what_breaks(broken: Fuzzer) -> None:
    broken._enricher = Enricher(steps=(*STEPS, Breaks()))
    with pytest.raises(Fault, match="the pipeline broke: ZeroDivisionError"):
        asyncio.run(broken.send(post(PAGE_VIEW)))


def test_the_fuzzer_finds_what_gets_lost(broken: Fuzzer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(*entries: Any) -> None:
        pass

    with monkeypatch.context() as changed:
        changed.setattr(broken._writer, "append", forgets)
        with pytest.raises(Fault, match="nothing is"):
            asyncio.run(broken.send(post(PAGE_VIEW)))
    enrich = broken._enricher.enrich
    monkeypatch.setattr(broken._enricher, "enrich", lambda payload, now: enrich(payload, now)[1:])
    with pytest.raises(Fault, match="2 events came in, 1 came out"):
        asyncio.run(broken.send(post(PAGE_VIEW, PAGE_VIEW)))
