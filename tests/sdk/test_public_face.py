"""What `import snowmelt` offers, and what it costs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import snowmelt


def words(text: str) -> list[str]:
    return text.split()


PUBLIC = words("""
    AgenticContextResponse AtomicProperty Attribute AttributeGroup AttributeKey AttributeKeyId
    AttributeKeyIdentifiers AttributesWarehouseTable BatchAttributeGroup BatchSource
    CalculatedProperty Criteria Criterion DatasetBundle DatasetPreviewResponse DatasetRunResponse
    DatasetRunStatus DatasetRunStatusResponse EntityProperty Event EventLog EventLogAtomicProperty
    EventLogEntityProperty EventLogEvent EventLogEventProperty EventLogResponse EventProperty
    EventSelection ExternalBatchAttributeGroup Field InterventionCriteriaAll InterventionCriteriaAny
    InterventionCriteriaNone InterventionCriterion InterventionInstance LinkAttributeKey PagePing
    PageView RuleIntervention Service SessionAnchors Signals SignalsAPIError SignalsSandbox
    StreamAttributeGroup StructuredEvent TrainingSpan UserSuppliedAnchors WarehouseTable
    domain_sessionid domain_userid network_userid session_attribute_key user_attribute_key user_id
""")
"""What the public SDK exports."""

OURS = words("""
    AsyncSignals AsyncSignalsSandbox DefinitionError NotYetAvailableError Problem Retry
    SignalsApiKeyError SignalsAuthError SignalsBehindError SignalsBusyError SignalsConfigError SignalsConflictError
    SignalsConnectionError SignalsError SignalsForbiddenError SignalsNotFoundError SignalsResponseError
    SignalsTimeoutError SignalsValidationError SnowmeltError
""")

SERVER_LIBRARIES = words("""
    alembic duckdb fastapi httptools lmdb msgspec numpy pandas prometheus_client pydantic_settings
    rich sqlalchemy starlette structlog typer uvicorn uvloop yaml
""")


def in_fresh_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


def modules_after(program: str) -> set[str]:
    return set(json.loads(in_fresh_python(f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))")))


def test_the_public_names_are_those_of_the_public_sdk_and_ours() -> None:
    assert snowmelt.__all__ == sorted([*PUBLIC, *OURS])


@pytest.mark.parametrize("name", snowmelt.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(snowmelt, name) is not None
    assert name in dir(snowmelt)


def test_type_checkers_see_what_python_sees() -> None:
    """The imports that editors read come from the very modules that names are loaded from."""
    tree = ast.parse(Path(snowmelt.__file__).read_text())
    seen = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    homes = {name: snowmelt._HOME_OF.get(name, "snowmelt.definitions") for name in snowmelt.__all__}
    assert {name: seen.get(name) for name in snowmelt.__all__} == homes


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = snowmelt.Nothing  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_distribution() -> None:
    assert snowmelt.__version__.count(".") == 2


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = modules_after("import snowmelt")
    assert {name for name in loaded if name.startswith("snowmelt")} == {"snowmelt"}
    assert not loaded & {"pydantic", "httpx"}


def test_definitions_come_without_the_client() -> None:
    loaded = modules_after("from snowmelt import Attribute, Service")
    assert not loaded & {"httpx", *SERVER_LIBRARIES}


def test_the_client_comes_without_the_server() -> None:
    loaded = modules_after(f"from snowmelt import {', '.join(snowmelt.__all__)}")
    # httpx loads the libraries of its own command line wherever they are installed.
    assert not loaded & (set(SERVER_LIBRARIES) - {"rich"})
    rooms = {name.split(".")[1] for name in loaded if name.startswith("snowmelt.")}
    assert rooms == {"definitions", "errors", "sdk"}


def test_importing_the_package_is_quick() -> None:
    timed = "import time; start = time.perf_counter(); import snowmelt; print(time.perf_counter() - start)"
    assert min(float(in_fresh_python(timed)) for _ in range(3)) < 0.5
