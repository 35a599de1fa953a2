"""What is shipped to watch a server with speaks of metrics that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
METRIC = re.compile(r"\bsnowmelt_\w+")


@pytest.fixture(scope="module")
def documented() -> dict[str, str]:
    """The metrics of docs/operations.md, whose table is compared with a server's elsewhere, and their rows."""
    text = (ROOT / "docs" / "operations.md").read_text()
    return dict(re.findall(r"^\| `(snowmelt_\w+)` \| (.*) \|$", text, re.MULTILINE))


@pytest.mark.parametrize("query", [*QUERIES, *(rule["expr"] for rule in RULES)])
def test_queries_ask_for_metrics_and_labels_that_there_are(query: str, documented: dict[str, str]) -> None:
    names = METRIC.findall(query)
    assert names or "up{" in query
    for name in names:
        assert name in documented
    rows = " ".join(documented[name] for name in names)
    by = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", query) for label in labels.split(",")}
    for label in by - {"job", "instance"}:
        assert f"`{label}`" in rows, f"no metric of the query has the label {label}"


def test_panels_do_not_overlap_and_have_names() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place: dict[str, Any] = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"] and not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"] and rule["annotations"]["action"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
