"""A real server against its own OpenAPI document: whatever is sent, the answer is one that the document tells of."""

import os
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from snowmelt.api.examples import EXAMPLES
from snowmelt.api.schemas import EXAMPLE as SCHEMA

USUAL = 25
MOST = 2_000
SEED_VARIABLE = "SNOWMELT_DOCUMENT_SEED"
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
KINDS = {
    "attribute_keys": "AttributeKey",
    "attribute_groups": "AttributeGroup",
    "services": "Service",
    "interventions": "RuleIntervention",
    "event_logs": "EventLog",
    "agentic_decisions": "AgenticDecision",
    "agentic_attributes": "AgenticAttribute",
}
BODIES = {model.__name__: body for model, body in EXAMPLES.items()}
SPARE = "spare"
"""The name of a definition of each kind that is not published, so that it can be changed and deleted."""
BATCH = BODIES["AttributeGroup"] | {"name": "batch", "offline": True}
"""A group that may have a batch source."""


class Stocked:
    """A server that holds definitions of each kind, published ones and drafts, and an API key of each role."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self.session = requests.Session()
        self.keys = [self.make_key(role) for role in ("reader", "writer", "admin")]
        tokens = [f"Bearer {text}" for text in (token, *(key["key"] for key in self.keys[:2]), "wrong")]
        self.authorizations = [*[tokens[0]] * 12, *tokens[1:], None]
        self._drafts = 0
        erased = self.http.delete("/api/v1/user_data", params={"user_id": "nobody@example.com"})
        self.receipt = erased.raise_for_status().json()["id"]

    def make_key(self, role: str) -> dict[str, str]:
        return self.http.post("/api/v1/api_keys", json={"role": role}).raise_for_status().json()

    def stock(self) -> None:
        """Put back what is missing."""
        for collection, kind in KINDS.items():
            body = BODIES[kind]
            for different in ({}, {"version": 2}, {"name": SPARE}, {"name": SPARE, "version": 2}):
                if "version" in body or "version" not in different:
                    answer = self.http.post(f"/api/v1/registry/{collection}", json=body | different)
                    assert answer.status_code in (201, 400), answer.text
        self.http.post("/api/v1/registry/attribute_groups", json=BATCH)
        self.http.post("/api/v1/engines/publish", json=BODIES["SelectivePublishRequest"]).raise_for_status()
        self.http.post("/api/schemas", json=SCHEMA).raise_for_status()
        self._drafts += 1
        for collection in ("event_logs", "agentic_decisions"):
            body = BODIES[KINDS[collection]]
            draft = body | {"description": f"Draft {self._drafts}"}
            self.http.put(f"/api/v1/registry/{collection}/{body['name']}", json=draft).raise_for_status()

    def known(self, path: str, parameter: str) -> list[Any]:
        """Values of a parameter that mean something; the last one is that of what can be changed."""
        if path.startswith("/api/schemas/"):
            return [SCHEMA["self"][parameter]]
        if parameter == "version":
            return [1] if path.endswith("/batch_source") else [1, 2]
        if parameter == "org_id":
            return [self.keys[0]["organization_id"]]
        if parameter == "id":
            return [self.receipt]
        if parameter == "key_id":
            return [self.keys[2]["id"]]
        if path.endswith("/batch_source"):
            return [BATCH["name"]]
        collection = path.removeprefix("/api/v1/registry/").partition("/")[0].replace("attributes", "decisions")
        published = BODIES[KINDS[collection]]["name"]
        return [published] if path.endswith("/draft") else [published, SPARE]


@pytest.fixture
def stocked(server: Any) -> Iterator[Stocked]:
    stocked = Stocked(server.url, server.token)
    yield stocked
    stocked.session.close()
    stocked.http.close()


def example_bodies(operation: Any) -> list[dict[str, Any]]:
    """What the document shows as bodies of an operation."""
    content = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()]


def plain(operation: Any, stocked: Stocked) -> Any:
    """The request that the document shows, of what is there and can be changed, or of a new name."""
    parameters = {each["name"] for each in operation.definition.raw.get("parameters", ()) if each["in"] == "path"}
    path = {name: stocked.known(operation.path, name)[-1] for name in parameters}
    shown = {
        each["name"]: each["example"] for each in operation.definition.raw.get("parameters", ()) if "example" in each
    }
    more: dict[str, Any] = {"query": shown} if shown else {}
    for body in example_bodies(operation)[:1]:
        in_registry = operation.path.startswith("/api/v1/registry/")
        named = in_registry and not operation.path.endswith("batch_source")
        addressed = path if named else {}
        made = operation.method == "post" and in_registry
        more |= {
            "body": body | addressed | ({"name": f"made_{operation.path[-5:]}"} if made else {}),
            "media_type": "application/json",
        }
    if "/credentials/" in operation.path:
        more["headers"] = {"X-API-Key": stocked.keys[0]["key"], "X-API-Key-Id": stocked.keys[0]["id"]}
    return operation.Case(path_parameters=path, **more)


@st.composite
def calls(draw: st.DrawFn, operation: Any, cases: Any, stocked: Stocked) -> tuple[Any, str | None]:
    """A request for an operation, and its ``Authorization``; names and bodies are often those that are there."""
    case = draw(cases)
    for name in case.path_parameters or ():
        if draw(st.integers(0, 3)):
            case.path_parameters[name] = draw(st.sampled_from(stocked.known(operation.path, name)))
    if isinstance(case.body, dict) and draw(st.booleans()):
        example = draw(st.sampled_from(example_bodies(operation)))
        kept = draw(st.sets(st.sampled_from(sorted(case.body)), max_size=2)) if case.body else ()
        case.body = example | {member: case.body[member] for member in kept}
    if "X-API-Key" in (case.headers or {}) and draw(st.booleans()):
        key = draw(st.sampled_from(stocked.keys))
        case.headers.update({"X-API-Key": key["key"], "X-API-Key-Id": key["id"]})
    return case, draw(st.sampled_from(stocked.authorizations))


def send(stocked: Stocked, case: Any, authorization: str | None) -> Any:
    """The answer, after it was held against the document."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = case.call(base_url=str(stocked.http.base_url), session=stocked.session, headers=headers)
    assert answer.status_code < 500 or (answer.status_code == 501 and comes_later(case.operation)), answer.text
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code == 200 and (case.operation.method == "delete" or case.operation.path.endswith("/unpublish")):
        stocked.stock()
    return answer


def comes_later(operation: Any) -> bool:
    return "501" in operation.definition.raw["responses"]


def operations(stocked: Stocked) -> list[Any]:
    """Everything that the server's document tells of."""
    document = stocked.http.get("/openapi.json").json()
    # The answer of a stream has no end; tests/process/test_interventions.py opens it.
    document["paths"]["/api/v1/interventions"].pop("get")
    found = [each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(found) > 50
    return found


@pytest.mark.process
def test_what_the_document_shows_works(stocked: Stocked, subtests: pytest.Subtests) -> None:
    """Its examples, sent to what is there: no operation is described that could not be used."""
    stocked.stock()
    for operation in operations(stocked):
        with subtests.test(operation.label):
            answer = send(stocked, plain(operation, stocked), stocked.authorizations[0])
            assert answer.status_code < 300 or comes_later(operation), answer.text


@pytest.mark.process
def test_every_answer_is_one_that_the_document_tells_of(stocked: Stocked, subtests: pytest.Subtests) -> None:
    examples = settings().max_examples
    start = int(os.environ.get(SEED_VARIABLE, 0 if examples <= USUAL else random.SystemRandom().randrange(2**32)))
    stocked.stock()
    for operation in operations(stocked):
        with subtests.test(operation.label):
            try:
                fuzz(operation, stocked, start, examples)
            except BaseException as error:
                error.add_note(f"{operation.label}: drawn from {SEED_VARIABLE}={start}")
                raise


def fuzz(operation: Any, stocked: Stocked, start: int, examples: int) -> None:
    """Send an operation what can be drawn for it: the more, the more there is to draw."""
    share = 4 if operation.body else 6 if operation.query or operation.path_parameters or operation.headers else 12
    fitting = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    can_misfit = operation.body or operation.query or operation.path_parameters
    unfitting = [operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)] if can_misfit else []

    @seed(start)
    @settings(
        max_examples=min(examples, MOST) // share,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(calls(operation, st.one_of(fitting, fitting, *unfitting), stocked))
    def holds(call: tuple[Any, str | None]) -> None:
        send(stocked, *call)

    holds()
