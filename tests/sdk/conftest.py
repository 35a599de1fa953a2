"""A scripted server, and a way to run one test over both clients."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from snowmelt.sdk.async_client import AsyncSignals, AsyncSignalsSandbox
from snowmelt.sdk.client import Signals, SignalsSandbox
from snowmelt.sdk.retry import Retry

URL = "http://signals.test:8080"
TOKEN = "sandbox-token"
AT_ONCE = Retry(first_delay=0.0)


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    body: Any
    headers: httpx.Headers

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Script:
    """Answers in order and remembers what it was asked; the last answer stays."""

    answers: list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]]
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        path = request.url.raw_path.decode()
        self.asked.append(Asked(request.method, path, body, request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response can be read once only, and the last answer stays.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    @property
    def lines(self) -> list[str]:
        return [one.line for one in self.asked]


def echo(request: httpx.Request) -> httpx.Response:
    """What the registry does with a good definition: give it back."""
    return httpx.Response(200, json=json.loads(request.content) if request.content else {"ok": True})


Use = Callable[[Any], Any]


class Talk:
    """Runs a use of a client against a script, synchronously or not."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def __call__(self, script: Script, use: Use, **extras: Any) -> Any:
        """`use` gets a sandbox client and returns what it called."""
        arguments = {"api_url": URL, "sandbox_token": TOKEN, "retry": AT_ONCE, **extras}
        return self._run(SignalsSandbox, AsyncSignalsSandbox, script, use, arguments)

    def with_key(self, script: Script, *uses: Use, **extras: Any) -> Any:
        """The same with a client that has an API key; several uses share the client."""
        arguments = {
            "api_url": URL,
            "api_key": "secret",
            "api_key_id": "key-1",
            "org_id": "org-1",
            "retry": AT_ONCE,
            **extras,
        }
        return self._run(Signals, AsyncSignals, script, *uses, arguments)

    def _run(self, sync: Any, twin: Any, script: Script, *rest: Any) -> Any:
        *uses, arguments = rest
        transport = httpx.MockTransport(script)
        if not self.asynchronous:
            with sync(transport=transport, **arguments) as signals:
                return [use(signals) for use in uses][-1]

        async def run() -> Any:
            async with twin(transport=transport, **arguments) as signals:
                result = None
                for use in uses:
                    result = use(signals)
                    if isinstance(result, Awaitable):
                        result = await result
                return result

        return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    yield Talk(request.param == "async")


@pytest.fixture
def script() -> Callable[..., Script]:
    """Make a script from answers; a status or a JSON value stands for a whole answer."""

    def make(*answers: Any) -> Script:
        return Script([_answer(answer) for answer in answers])

    return make


def _answer(answer: Any) -> Any:
    if isinstance(answer, httpx.Response | Exception) or callable(answer):
        return answer
    if isinstance(answer, int):
        return httpx.Response(answer, json={"error": f"status {answer}"})
    return httpx.Response(200, json=answer)


@pytest.fixture(name="echo")
def echo_fixture() -> Callable[[httpx.Request], httpx.Response]:
    return echo
