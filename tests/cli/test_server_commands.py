"""Commands beside a real server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snowmelt import SignalsSandbox
from snowmelt.demo.tutorial import NAME, tutorial_group
from snowmelt.demo.workload import shop_lines
from snowmelt.events.fields import FIELDS

pytestmark = pytest.mark.process

DEFINITIONS = """
from snowmelt.demo.tutorial import tutorial_group, tutorial_service

group, service = tutorial_group(), tutorial_service()
"""


def test_apply_ingest_get_watch_and_doctor(run: Any, server: Any, tmp_path: Path) -> None:
    here = ("--data-dir", server.data_dir)
    (tmp_path / "defs.py").write_text(DEFINITIONS)
    applied = run("apply", "defs.py", *here)
    assert applied.exit_code == 0, applied.output
    assert applied.stdout.splitlines() == [
        f"published attribute group {NAME} version 1 (defs.py)",
        f"published service {NAME} (defs.py)",
    ]

    lines = shop_lines(3_000, users=3)
    (tmp_path / "events.json").write_bytes(b"\n".join(lines))
    assert run("ingest", "events.json", "--format", "enriched-json", *here).exit_code == 0
    server.flush()
    events = [json.loads(line) for line in lines]
    user = events[0]["domain_userid"]
    action = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1"
    views = sum(e["domain_userid"] == user and e.get(action) == {"type": "product_view"} for e in events)

    for name in (NAME, f"{NAME}_v1"):
        values = json.loads(run("get", name, "domain_userid", user, "--json", *here).stdout)
        assert values["count_product_views"] == views
    table = run("get", NAME, "domain_userid", user, *here).stdout
    assert f"count_product_views\t{views}\n" in table
    explicit = run("get", NAME, "domain_userid", "nobody", "--url", server.url, "--token", server.token)
    assert "count_product_views\t-\n" in explicit.stdout

    watched = run("watch", NAME, "domain_userid", user, "--count", 2, "--interval", 0.05, *here)
    assert watched.exit_code == 0, watched.output
    assert [f"count_product_views={views}" in line for line in watched.stdout.splitlines()] == [True, True]

    doctor = run("doctor", *here)
    assert f"✓ the server at {server.url} answers 200 to /ready" in doctor.stdout
    assert "✓ the engine is 0 records behind" in doctor.stdout


RULES = """
from snowmelt import EventLog, EventLogAtomicProperty, EventSelection, InterventionCriterion, PageView
from snowmelt import RuleIntervention, domain_sessionid
from snowmelt.demo.tutorial import NAME, tutorial_group

group = tutorial_group()
criterion = InterventionCriterion(attribute=f"{NAME}:count_product_views", operator=">", value=3)
rule = RuleIntervention(name="nudge", criteria=criterion, owner="crm@example.com")
kept = EventSelection(event=PageView(), properties=[EventLogAtomicProperty(name="page_urlpath")])
log = EventLog(name="recent", attribute_key=domain_sessionid, events=[kept], max_events=5, max_age_seconds=60)
"""

DECISION = """
kind: agentic_decision
name: stuck
attribute_key: {{name: domain_sessionid}}
output_type: boolean
decision_goal: Does this visitor get on?
contexts: [recent]
triggers: [{{criteria: {{attribute: '{name}:count_product_views', operator: '>', value: 1}}}}]
"""


def test_apply_publishes_every_kind(run: Any, server: Any, tmp_path: Path) -> None:
    here = ("--data-dir", server.data_dir)
    (tmp_path / "rules.py").write_text(RULES)
    (tmp_path / "decision.yaml").write_text(DECISION.format(name=NAME))
    for _ in range(2):
        applied = run("apply", "decision.yaml", "rules.py", *here)
        assert applied.exit_code == 0, applied.output
        assert applied.stdout.splitlines() == [
            f"published attribute group {NAME} version 1 (rules.py)",
            "published intervention nudge version 1 (rules.py)",
            "published event log recent (rules.py)",
            "published agentic decision stuck (decision.yaml)",
        ]
    with SignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
        assert signals.interventions.get("nudge").is_published
        assert signals.get_event_log("recent").is_published
        assert signals.registry.get_agentic_decision("stuck").is_published
    (tmp_path / "rules.py").write_text(RULES.replace("value=3", "value=4"))
    refused = run("apply", "rules.py", *here)
    assert refused.exit_code == 1
    assert "version 2" in refused.stderr


def test_tsv_and_payloads_are_counted_like_live_events(run: Any, server: Any, tmp_path: Path) -> None:
    here = ("--data-dir", server.data_dir)
    (tmp_path / "defs.yaml").write_text(json.dumps({"kind": "attribute_group", **_page_views()}))
    assert run("apply", "defs.yaml", *here).exit_code == 0
    columns = {
        "event_name": "page_view",
        "domain_userid": "u",
        "collector_tstamp": "2026-03-02 08:00:00.000",
    }
    line = "\t".join(columns.get(field.name, "") for field in FIELDS)
    (tmp_path / "events.tsv").write_text(f"{line}\n{line}\nnot an event\n")
    result = run("ingest", "events.tsv", "--format", "enriched-tsv", *here)
    assert (result.exit_code, result.stdout) == (1, "3 lines, 2 appended, 1 unreadable\n")
    body = {
        "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data": [{"e": "pv", "p": "web", "tv": "js-4", "duid": "u", "url": "https://shop.example/"}],
    }
    assert run("ingest", "-", "--format", "payload", *here, input=json.dumps(body)).exit_code == 0
    server.flush()
    read = run("get", "views_v1", "domain_userid", "u", "--json", *here)
    assert json.loads(read.stdout) == {"page_views": 3}
    assert "events.tsv:3: " in run("failed", "list", "--category", "loader_parsing_error", *here).stdout


def test_what_the_server_refuses_is_told(run: Any, server: Any, tmp_path: Path) -> None:
    here = ("--data-dir", server.data_dir)
    (tmp_path / "defs.py").write_text(DEFINITIONS)
    assert run("apply", "defs.py", *here).exit_code == 0
    changed = "group = group.model_copy(update={'attributes': group.attributes[:1]})\n"
    (tmp_path / "defs.py").write_text(DEFINITIONS + changed)
    result = run("apply", "defs.py", *here)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.rstrip().endswith(f"while publishing attribute group {NAME} version 1, in defs.py")

    unknown = run("get", "nothing", "domain_userid", "u", *here)
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("error: ")
    assert "404" in unknown.stderr
    assert "`snowmelt apply FILE`" in unknown.stderr
    keyless = run("get", NAME, "user_id", "u", *here)
    assert (keyless.exit_code, keyless.stdout) == (1, "")
    assert f"service {NAME} has no attribute key user_id; it has domain_userid" in keyless.stderr
    keyless = run("watch", f"{NAME}_v1", "user_id", "u", "--count", 1, *here)
    assert f"group {NAME} version 1 has no attribute key user_id; it has domain_userid" in keyless.stderr
    refused = run("get", NAME, "domain_userid", "u", "--url", server.url, "--token", "wrong")
    assert refused.exit_code == 1
    assert "401" in refused.stderr
    assert "--token or in SNOWMELT_SANDBOX_TOKEN" in refused.stderr
    for said in (result.stderr, unknown.stderr, refused.stderr):
        assert not any(word in said for word in ("signals.", "sandbox_token=", "/api/v1/", "StreamAttributeGroup"))


def test_without_a_server_it_says_how_to_start_one(run: Any, data: Path) -> None:
    result = run("get", NAME, "domain_userid", "u", "--data-dir", data)
    assert result.exit_code == 1
    assert f"snowmelt serve --data-dir {data}" in result.stderr


def _page_views() -> dict[str, Any]:
    group = tutorial_group().to_wire()
    attribute = {"name": "page_views", "type": "int32", "aggregation": "counter", "events": [{"name": "page_view"}]}
    return {**group, "name": "views", "attributes": [attribute]}


@pytest.mark.parametrize(("token", "shown"), [(None, True), ("chosen-by-somebody", False)])
def test_the_ready_line_names_a_token_only_if_nobody_chose_it(
    data: Path, tmp_path: Path, token: str | None, shown: bool
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
    if token:
        environment["SNOWMELT_SANDBOX_TOKEN"] = token
    command = [sys.executable, "-m", "snowmelt", "serve", "--data-dir", str(data), "--port", "0"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=tmp_path, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = (data / "server.address").read_text()
        assert line.startswith(f"Snowmelt is ready at {url} - API: {url}/docs/ - data: {data} - token: ")
        kept = (data / "sandbox.token").read_text().strip() if (data / "sandbox.token").exists() else None
        assert (kept is not None and kept in line) is shown
        assert (token or "?") not in line
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
