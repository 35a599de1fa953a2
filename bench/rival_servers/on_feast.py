"""Feast's Python feature server with given values in its SQLite online store: `on_feast.py VALUES FOLDER PORT`.

VALUES is a JSON file: an object of columns, of which the first holds the identifiers.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

NAME = "usual"
TYPES = {int: Int64, float: Float64, str: String}
SETTINGS = """
project: bench
provider: local
registry: {folder}/registry.db
online_store: {{type: sqlite, path: {folder}/online.db}}
offline_store: {{type: file}}
entity_key_serialization_version: 3
"""


def main() -> None:
    """Define, write, and become the server."""
    columns = json.loads(Path(sys.argv[1]).read_text())
    folder, port = Path(sys.argv[2]), sys.argv[3]
    (folder / "feature_store.yaml").write_text(SETTINGS.format(folder=folder))
    key, *features = columns
    rows = pd.DataFrame(columns)
    rows["event_timestamp"] = datetime.now(UTC)
    source = folder / "source.parquet"
    rows.to_parquet(source)

    entity = Entity(name=key, join_keys=[key], value_type=ValueType.STRING)
    view = FeatureView(
        name=NAME,
        entities=[entity],
        ttl=timedelta(days=30),
        schema=[Field(name=key, dtype=String), *(Field(name=each, dtype=kind(columns[each])) for each in features)],
        source=FileSource(path=str(source), timestamp_field="event_timestamp"),
    )
    store = FeatureStore(repo_path=str(folder))
    store.apply([entity, view, FeatureService(name=NAME, features=[view])])
    store.write_to_online_store(NAME, rows)

    # As fast as its options let it be: by default it looks at its definitions every minute, which do not change here,
    # and ends its worker every 1,000 requests, so that the next one keeps everybody waiting while it starts.
    unhurried = ["--registry_ttl_sec", "3600", "--max-requests", "0", "--max-requests-jitter", "0"]
    address = ["--host", "127.0.0.1", "--port", port, "--workers", "1", "--no-access-log"]
    feast = Path(sys.executable).parent / "feast"
    os.execv(feast, [str(feast), "-c", str(folder), "serve", *address, *unhurried])


def kind(values: list[object]) -> object:
    """The type of a column's values."""
    (only,) = {type(value) for value in values}
    return TYPES[only]


if __name__ == "__main__":
    main()
