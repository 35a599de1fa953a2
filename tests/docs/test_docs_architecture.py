"""The tables of the architecture page are complete, and its example of an extension keeps the laws."""

import doctest
import importlib.util
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from snowmelt.compute import state
from snowmelt.compute.aggregations.base import Aggregation
from snowmelt.compute.plan import AGGREGATIONS
from snowmelt.compute.scopes import Expiring, Rolling

PAGE = "docs/architecture.md"
Table = Callable[[str, str], list[list[str]]]


def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_rooms_are_the_layers_in_their_order(table: Table, root: Path) -> None:
    contracts = project(root)["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    told = [
        {word.removesuffix(".py").removesuffix("/") for word in room.split(" and ")}
        for room, _ in table(PAGE, "room |")
    ]
    assert told == [{name.strip().removeprefix("snowmelt.") for name in layer.split("|")} for layer in layers]


def test_every_room_is_there(table: Table, documents: dict[str, str], root: Path) -> None:
    rooms = {path.parent.name for path in (root / "src" / "snowmelt").glob("*/__init__.py")}
    told = {word.removesuffix("/") for room, _ in table(PAGE, "room |") for word in room.split(" and ")}
    assert rooms - told == {"sdk"}
    assert "`sdk/`" in documents[PAGE]


def test_every_dependency_has_its_reason(table: Table, root: Path) -> None:
    metadata = project(root)["project"]
    extras = metadata["optional-dependencies"]
    needed = [
        *metadata["dependencies"],
        *(need for name in ("server", "demo", "mcp", "pandas", "kafka", "otel") for need in extras[name]),
    ]
    rows = table(PAGE, "package | what for")
    assert {name for name, _ in rows} == {re.split(r"[^\w-]", need)[0] for need in needed}
    assert all(reason for _, reason in rows)


def test_every_aggregation_has_its_state_and_its_meaning(table: Table) -> None:
    computed = AGGREGATIONS.keys()
    for page, header in ((PAGE, "kept by |"), ("docs/semantics.md", "aggregation |")):
        told = {name for row in table(page, header) for name in re.findall(r"[a-z_]+", row[0])}
        assert computed <= told


def test_the_example_of_an_aggregation_keeps_the_laws(examples: Any, tmp_path: Path) -> None:
    (example,) = examples("docs/adding-an-aggregation.md", "aggregation")
    path = tmp_path / "spread.py"
    path.write_text(example.code)
    spec = importlib.util.spec_from_file_location("spread", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert doctest.testmod(module) == (0, 2)
    spread: Aggregation = module.Spread()
    for scoped in (spread, Rolling(spread, 7_000), Expiring(spread, 1_000)):
        _keeps_the_laws(scoped)


NUMBERS = st.one_of(st.integers(-(2**62), 2**62), st.floats(-1e300, 1e300), st.sampled_from([1, 1.0]))
ROWS = st.lists(st.tuples(NUMBERS, st.integers(0, 9_000)), min_size=1, max_size=8)


def _keeps_the_laws(aggregation: Aggregation) -> None:
    def grown(rows: list[tuple[Any, int]]) -> Any:
        total: Any = None
        for value, time in rows:
            at = (time, time, "e")
            total = aggregation.start(value, at) if total is None else aggregation.add(total, value, at)
        return total

    def read(kept: Any) -> Any:
        result = aggregation.result(kept, 9_500)
        return type(result), result

    @given(st.data(), ROWS)
    def laws(data: st.DataObject, rows: list[tuple[Any, int]]) -> None:
        shuffled = data.draw(st.permutations(rows))
        cut = data.draw(st.integers(0, len(rows)))
        expected = read(grown(rows))
        assert read(grown(shuffled)) == expected
        assert read(aggregation.join(grown(shuffled[:cut]), grown(shuffled[cut:]))) == expected
        assert read(state.decode(state.encode([state.VERSION, grown(rows)]))[1]) == expected

    laws()
