"""Every query of the dashboard and the alerts is PromQL, and asks a real server's `/metrics` for what is there."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import promql_parser
import pytest
import yaml

from conftest import Server, eventually
from figures import COUNTS
from process_shop import Shop, shop_event

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus-alerts.yml").read_text())
PANELS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}
OF_PROMETHEUS = {"up"}
ALWAYS = {"job", "instance"}
"""Labels that Prometheus itself adds."""
ACME = {"vendor": "com.acme", "name": "thing", "major_version": 1, "path": "n"}
PICKY = {
    "name": "picky",
    "version": 1,
    "owner": "user@company.com",
    "is_published": True,
    "attribute_key": {"name": "domain_userid"},
    "attributes": [
        {
            "name": "total",
            "type": "double",
            "aggregation": "sum",
            "events": [{"name": "thing"}],
            "property": {"type": "event", **ACME},
        }
    ],
}
UNFIT = {"schema": "iglu:com.acme/thing/jsonschema/1-0-0", "data": {"n": "many"}}


class Asked:
    """The metrics that a query asks for, each with the labels that it is told apart by."""

    def __init__(self, query: str) -> None:
        self.metrics: dict[str, set[str]] = {}
        self.by: set[str] = set()
        promql_parser.walk(promql_parser.parse(query), self._visit)

    def _visit(self, node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            self.metrics.setdefault(node.name, set()).update(one.name for one in node.matchers.matchers)
        elif isinstance(node, promql_parser.MatrixSelector):
            self._visit(node.vector_selector)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            self.by.update(node.modifier.labels)


class Shown:
    """What `/metrics` of a server shows: the names of its metrics, and the labels of those that have samples."""

    def __init__(self, server: Server) -> None:
        text = httpx.get(f"{server.url}/metrics").text
        self.names = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
        self.labels: dict[str, set[str]] = defaultdict(set)
        for name, labels in re.findall(r"^(snowmelt_\w+)(?:{(.*)})? ", text, re.MULTILINE):
            self.labels[name].update(re.findall(r'(\w+)="', labels))


@pytest.mark.process
def test_queries_ask_a_server_for_what_it_shows(running: Server, traced: Shop) -> None:
    answer = traced.http.post("/api/v1/registry/attribute_groups/", json=PICKY, headers=traced.auth)
    assert answer.status_code == 201, answer.text
    running.flush()
    visitor = str(uuid4())
    wrapper = {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": UNFIT}
    unfit = shop_event(visitor, "product_view") | {"ue_pr": json.dumps(wrapper)}
    fails = unfit | {"ue_pr": "of no use", "eid": str(uuid4())}
    traced.track([shop_event(visitor, "add_to_cart", 5.0), unfit, fails])
    running.flush()

    def labelled() -> bool:
        found = Shown(running).labels
        return all(found[name] for name in ("snowmelt_failed_events_total", "snowmelt_rejected_values_total"))

    eventually(labelled, "what fails is counted by its labels")
    shown = Shown(running)
    missing = []
    for query in [*PANELS, *(rule["expr"] for rule in RULES.values())]:
        asked = Asked(query)
        assert asked.metrics
        for name, labels in asked.metrics.items():
            COUNTS["metrics that panels and alerts ask for"] += 1
            if name in OF_PROMETHEUS:
                continue
            if name not in shown.names:
                missing.append((query, name))
            wanted = (labels | asked.by) - ALWAYS
            if shown.labels[name] and wanted - shown.labels[name]:
                missing.append((query, f"{name}: {wanted - shown.labels[name]}"))
    COUNTS["differences: metrics or labels that are missing"] += len(missing)
    COUNTS["panels' queries checked"] += len(PANELS)
    COUNTS["alerts checked"] += len(RULES)
    COUNTS["metrics of a server"] += len(shown.names)
    assert missing == []


def test_each_group_that_goes_stale_has_an_alert_of_its_own() -> None:
    """One series for each group and version, and only where other events come."""
    rule = RULES["SnowmeltGroupStale"]
    asked = Asked(rule["expr"])
    assert asked.by >= {"job", "group", "version"}
    assert asked.metrics.keys() == {"snowmelt_group_updated_time_seconds", "snowmelt_engine_events_total"}
    for label in ("group", "version"):
        assert f"$labels.{label}" in rule["annotations"]["summary"]


@pytest.mark.parametrize("query", ["sum by (rate(x[5m])", "max(x{job=~})", "rate(x)"])
def test_what_is_no_query_is_found_out(query: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse(query)
