"""An API over a registry in a folder of its own, profiles in a dictionary, and a client that calls it."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partialmethod
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from snowmelt.api.app import Api, create_app
from snowmelt.definitions import AttributeGroup
from snowmelt.definitions.problems import DefinitionError, Problem
from snowmelt.events.erasure import Subject
from snowmelt.iglu.local import LocalRegistry
from snowmelt.previews.job import PreviewAnswer, PreviewFailed, PreviewJob
from snowmelt.settings import InterventionSettings
from snowmelt.stores.errors import StoreError
from snowmelt.stores.mailbox import Mailboxes
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.registry import NewApiKey, Registry

TOKEN = "a-token-for-tests"
SIGNING_SECRET = b"a-signing-secret-that-only-tests-use"
NOW_MS = 1_767_225_600_000
ERASURE = "0123456789abcdef" * 2
"""The id of every erasure."""


class DictValues:
    """Reads states that are JSON objects; what a state lacks has its default. Cannot ``mean``."""

    def __init__(self, group: AttributeGroup) -> None:
        self._attributes = group.attributes or []
        problems = [
            Problem(("attributes", index, "aggregation"), "not available", "not_available")
            for index, attribute in enumerate(self._attributes)
            if attribute.aggregation == "mean"
        ]
        if problems:
            raise DefinitionError(problems)
        self.names = tuple(attribute.name for attribute in self._attributes)

    def read(self, state: bytes | None, now_ms: int, /) -> list[Any]:
        assert now_ms == NOW_MS
        values = json.loads(state) if state else {}
        return [values.get(attribute.name, attribute.default_value) for attribute in self._attributes]


class DictProfiles:
    """Keeps states in memory, as members or as stored, and counts how often it was asked."""

    def __init__(self) -> None:
        self.states: dict[tuple[int, str], dict[str, Any] | bytes] = {}
        self.calls = 0
        self.broken = False
        self.head = self.position = 0

    def get(self, items: Sequence[tuple[int, bytes]], /) -> list[bytes | None]:
        if self.broken:
            raise OSError("the disk is on fire")
        self.calls += 1
        found = [self.states.get((state_id, identifier.decode())) for state_id, identifier in items]
        return [json.dumps(state).encode() if isinstance(state, dict) else state for state in found]


class Changes:
    """Receives the snapshots, unless it is told to fail."""

    def __init__(self) -> None:
        self.snapshots: list[dict[str, Any]] = []
        self.broken = False

    def __call__(self, snapshot: bytes) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.snapshots.append(json.loads(snapshot))


@pytest.fixture
def signing_secret() -> bytes:
    return SIGNING_SECRET


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "registry.sqlite") as registry:
        yield registry


@pytest.fixture
def profiles() -> DictProfiles:
    return DictProfiles()


@pytest.fixture
def changes() -> Changes:
    return Changes()


class Moment:
    """The API's clock; stands still until moved."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox", map_size=2**24)
    yield opened
    opened.close()


@pytest.fixture
def mailboxes(tmp_path: Path) -> Mailboxes:
    return Mailboxes(tmp_path / "mailboxes")


class Previews:
    """Takes the jobs of previews, and answers what it is told to."""

    def __init__(self) -> None:
        self.jobs: list[PreviewJob] = []
        self.answer: Any = []
        self.error: PreviewFailed | None = None

    async def __call__(self, job: PreviewJob) -> PreviewAnswer:
        self.jobs.append(job)
        if self.error:
            raise self.error
        if job.intervention is not None and not self.answer:
            return PreviewAnswer({"scanned_count": 0, "matched_count": 0, "matches": {}}, NOW_MS)
        return PreviewAnswer(self.answer, NOW_MS)


@pytest.fixture
def previews() -> Previews:
    return Previews()


class RecordedPeople:
    """Notes who is asked for and who is to be erased; answers what it is told to."""

    def __init__(self) -> None:
        self.erased: list[Subject] = []
        self.asked: list[Subject] = []
        self.receipts: dict[str, bytes] = {}
        self.error: StoreError | None = None

    def erase(self, subjects: Sequence[Subject]) -> str:
        if self.error:
            raise self.error
        self.erased += subjects
        return ERASURE

    def receipt(self, id: str) -> bytes | None:
        return self.receipts.get(id)

    def held(self, subjects: Sequence[Subject]) -> bytes:
        self.asked += subjects
        return b'{"values": []}'


@pytest.fixture
def people() -> RecordedPeople:
    return RecordedPeople()


@pytest.fixture
def schemas(tmp_path: Path) -> LocalRegistry:
    return LocalRegistry(tmp_path / "iglu")


@pytest.fixture
def app(
    previews: Previews,
    registry: Registry,
    profiles: DictProfiles,
    changes: Changes,
    moment: Moment,
    outbox: Outbox,
    mailboxes: Mailboxes,
    schemas: LocalRegistry,
    people: RecordedPeople,
) -> Iterator[Api]:
    made = create_app(
        registry=registry,
        schemas=schemas,
        profiles=profiles,
        group_values=DictValues,
        outbox=outbox,
        mailboxes=mailboxes,
        interventions=InterventionSettings(),
        token=SecretStr(TOKEN),
        signing_secret=SIGNING_SECRET,
        on_change=changes,
        log_head=lambda: profiles.head,
        position=lambda: profiles.position,
        previews=previews,
        people=people,
        clock=moment,
    )
    yield made
    # A hub that has looked once looks again by itself, and its outbox is closed next.
    made.deliveries.end_streams()
    made.deliveries.close()


class Client:
    """Calls the app over HTTP's own forms; paths without a slash in front are those of the API."""

    def __init__(self, app: Api, runner: asyncio.Runner, **headers: str) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://snowmelt.test", headers=headers)
        self._runner = runner

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = path if path.startswith("/") else f"/api/v1/{path}"
        return self._runner.run(self._client.request(method, url, **options))

    @property
    def headers(self) -> httpx.Headers:
        return self._client.headers

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")

    def close(self) -> None:
        self._runner.run(self._client.aclose())


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def stranger(app: Api, runner: asyncio.Runner) -> Iterator[Client]:
    """A client without a token."""
    client = Client(app, runner)
    yield client
    client.close()


@pytest.fixture
def client(app: Api, runner: asyncio.Runner) -> Iterator[Client]:
    """A client with the token."""
    client = Client(app, runner, Authorization=f"Bearer {TOKEN}")
    yield client
    client.close()


@pytest.fixture
def holder(app: Api, runner: asyncio.Runner) -> Iterator[Callable[[str], Client]]:
    """Makes a client with another token."""
    made: list[Client] = []

    def make(token: str) -> Client:
        made.append(Client(app, runner, Authorization=f"Bearer {token}"))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def exchange(stranger: Client, registry: Registry) -> Callable[..., httpx.Response]:
    """Asks for a token with an API key, as the SDKs do."""

    def ask(new: NewApiKey, organization: str | None = None, version: str = "v3") -> httpx.Response:
        path = f"/api/msc/v1/organizations/{organization or registry.api_keys.organization()}/credentials/{version}"
        headers = {"X-API-Key-Id": new.stored.id, "X-API-Key": new.key}
        return stranger.get(f"{path}/token", headers=headers)

    return ask


@pytest.fixture
def group() -> Callable[..., dict[str, Any]]:
    """Makes the body of a stream group with a counter and a sum; any member can be given."""

    def make(name: str = "shop", version: int = 1, **members: Any) -> dict[str, Any]:
        return {
            "name": name,
            "version": version,
            "owner": "data@example.com",
            "attribute_key": {"name": "domain_userid"},
            "attributes": [
                {"name": "views", "type": "int32", "aggregation": "counter"},
                {
                    "name": "spent",
                    "type": "double",
                    "aggregation": "sum",
                    "property": {"type": "atomic", "name": "tr_total"},
                },
            ],
            **members,
        }

    return make


@pytest.fixture
def service() -> Callable[..., dict[str, Any]]:
    """Makes the body of a service of (name, version) links."""

    def make(name: str, *links: tuple[str, int], **members: Any) -> dict[str, Any]:
        groups = [{"name": group, "version": version} for group, version in links]
        return {"name": name, "owner": "data@example.com", "attribute_groups": groups, **members}

    return make
