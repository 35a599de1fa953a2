"""A whole data folder as an earlier release leaves it, kept so that later ones can show that they go on from it.

    python tests/folder_fixture.py TARGET

runs the `snowmelt` that this interpreter finds as a server, publishes a group, sends events as a tracker does, reads
the values, stops the server, and keeps its folder. It talks to the server over HTTP alone, so that it works with any
release: `PYTHONPATH` names the sources of an earlier one. The folder is never changed afterwards.

Attributes are those whose values do not depend on when they are read. `expected` counts them plainly.
"""

import json
import math
import random
import select
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx

FOLDER = Path(__file__).parent / "fixtures" / "folder_v1"
TP2 = "/com.snowplowanalytics.snowplow/tp2"
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
VISITORS = [f"00000000-0000-4000-8000-{number:012}" for number in range(5)]
NOT_KEPT = {
    "engine.bell",
    "engine.lock",
    "server.lock",
    "server.address",
    "sandbox.token",
    "profiles.in-use",
}

NUMBER: dict[str, Any] = {"type": "double", "property": {"type": "atomic", "name": "se_value"}}
LABEL: dict[str, Any] = {"type": "string", "property": {"type": "atomic", "name": "se_label"}}
GROUP: dict[str, Any] = {
    "name": "kept",
    "version": 1,
    "owner": "a@example.com",
    "is_published": True,
    "attribute_key": {"name": "domain_userid"},
    "attributes": [
        {"name": name, "aggregation": aggregation, "events": [], **more}
        for name, aggregation, more in (
            ("events", "counter", {"type": "int64"}),
            ("total", "sum", NUMBER),
            ("least", "min", NUMBER),
            ("most", "max", NUMBER),
            ("average", "mean", NUMBER),
            ("usual", "most_frequent", LABEL),
            ("labels", "unique_list", LABEL | {"type": "string_list"}),
            ("different", "approx_count_distinct", LABEL | {"type": "int64"}),
        )
    ],
}


def events(seed: int, count: int = 200) -> list[dict[str, str]]:
    """Structured events of all visitors; those of another seed are others, with other ids."""
    chance = random.Random(seed)
    return [
        {
            "e": "se",
            "p": "web",
            "tv": "test-1",
            "aid": "shop",
            "eid": f"{seed:08}-0000-4000-8000-{number:012}",
            "duid": chance.choice(VISITORS),
            "se_ca": "shop",
            "se_ac": "click",
            "se_la": chance.choice(["lamp", "chair", "table", "shelf"]),
            "se_va": chance.choice(["0.1", "19.99", "-3", "7", str(chance.randrange(10_000) / 100)]),
        }
        for number in range(count)
    ]


def expected(sent: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Visitor -> attribute -> value over all that was sent, counted plainly."""
    of: dict[str, list[dict[str, str]]] = defaultdict(list)
    for event in sent:
        of[event["duid"]].append(event)
    found = {}
    for visitor, theirs in of.items():
        numbers = [float(event["se_va"]) for event in theirs]
        labels = [event["se_la"] for event in theirs]
        most = max(map(labels.count, labels))
        found[visitor] = {
            "events": len(theirs),
            "total": math.fsum(numbers),
            "least": min(numbers),
            "most": max(numbers),
            "average": math.fsum(numbers) / len(numbers),
            "usual": {label for label in labels if labels.count(label) == most},
            "labels": set(labels),
            "different": len(set(labels)),
        }
    return found


def differences(found: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]) -> list[str]:
    """What is not as it should be; of equally frequent values any will do."""
    wrong = []
    for visitor, values in wanted.items():
        for name, value in values.items():
            got = found[visitor][name]
            if name == "usual":
                same = got in value
            elif name == "labels":
                same = set(got) == value and len(got) == len(value)
            else:
                same = got == value
            if not same:
                wrong.append(f"{visitor} {name}: {got!r}, not {value!r}")
    return wrong


def publish(client: httpx.Client) -> None:
    """Publish the group."""
    answer = client.post("/api/v1/registry/attribute_groups/", json=GROUP)
    assert answer.status_code == 201, answer.text


def send(client: httpx.Client, sent: list[dict[str, str]]) -> None:
    """Send events as a tracker does, ten a request, with one that fails at the end."""
    with httpx.Client(base_url=client.base_url) as tracker:  # which has no token
        for start in range(0, len(sent), 10):
            tracker.post(TP2, json={"schema": PAYLOAD_DATA, "data": sent[start : start + 10]}).raise_for_status()
        tracker.post(TP2, content=b"no JSON").raise_for_status()


def read(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Visitor -> attribute -> value."""
    names = [attribute["name"] for attribute in GROUP["attributes"]]
    body = {
        "attributes": [f"kept_v1:{name}" for name in names],
        "attribute_keys": {"domain_userid": VISITORS},
    }
    columns = client.post("/api/v1/get-online-attributes", json=body).raise_for_status().json()
    return {visitor: {name: columns[name][row] for name in names} for row, visitor in enumerate(VISITORS)}


def counted(client: httpx.Client) -> int:
    """Events that the server has counted."""
    lines = client.get("/metrics").text.splitlines()
    return int(float(next(line for line in lines if line.startswith("snowmelt_engine_events_total ")).split()[1]))


def main(target: Path) -> int:
    """Make the folder."""
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        command = [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(data)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=made)
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0]
        process.stdout.readline()
        token = (data / "sandbox.token").read_text().strip()
        url = (data / "server.address").read_text().strip()
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            publish(client)
            sent = events(1)
            send(client, sent)
            while counted(client) < len(sent):
                pass
            found = read(client)
        process.terminate()
        process.wait()
        target.mkdir(parents=True)
        for path in data.iterdir():
            if path.name not in NOT_KEPT and path.is_dir():
                shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("lock.mdb"))
            elif path.name not in NOT_KEPT:
                shutil.copy(path, target)
    wrong = differences(found, expected(sent))
    print(f"{len(sent)} events, {len(wrong)} differences", *wrong, sep="\n")
    (target / "values.json").write_text(json.dumps(found, indent=1) + "\n")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
