"""Three ways to run the same user code: Snowmelt's client, the alias package, the vendor's own client.

The vendor's client lives in an environment of its own, pinned by hash, made once and kept in `.build/`. It is
never importable from the tests themselves.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
from snowplow_tracker import Emitter, SelfDescribing, SelfDescribingJson, Subject, Tracker

from isolated_environment import ROOT, isolated_python

# Run by each client, not by pytest.
collect_ignore = ["api_keys.py", "every_call.py", "fired.py", "lifecycle.py", "surface.py", "tutorial.py"]

ALIAS = ROOT / "compat" / "src"
NAMES = ("snowmelt", "compat", "vendor")
SCHEMAS = "iglu:com.snowplowanalytics.snowplow.ecommerce"


@dataclass(frozen=True)
class Sdk:
    """One way to run user code.

    Args:
        name: One of `NAMES`.
        python: The interpreter of its environment.
        imports: The package that its users import from.
        path: Put first on the import path.
    """

    name: str
    python: Path
    imports: str
    path: str = ""

    def environment(self, **extra: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # No proxy may stand between a client and the server on this machine.
        return {**inherited, "NO_PROXY": "127.0.0.1,localhost", "PYTHONPATH": self.path, **extra}

    def source(self, script: Path) -> str:
        """The script as users of this client write it: one word differs, in the import."""
        return script.read_text().replace("from snowplow_signals import", f"from {self.imports} import")


@dataclass
class Running:
    """A user's script at work: it prints JSON lines, and reads lines when it waits for something."""

    process: subprocess.Popen[str]
    errors: IO[str]
    said: list[Any] = field(default_factory=list)

    def hear(self) -> Any:
        """The next JSON line; fails with what the script wrote to stderr if there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            self.errors.seek(0)
            pytest.fail(f"the script ended with {self.process.returncode}:\n{self.errors.read()}")
        self.said.append(json.loads(line))
        return self.said[-1]

    def tell(self, line: str) -> None:
        """Answer the script's `input()`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@pytest.fixture(scope="session")
def vendor_python() -> Path:
    """The interpreter that has the vendor's client."""
    return isolated_python("vendor")


@pytest.fixture(scope="session")
def sdk_named(request: pytest.FixtureRequest) -> Callable[[str], Sdk]:
    """One of the three clients by name; the vendor's environment is made only if it is asked for."""

    def named(name: str) -> Sdk:
        if name == "vendor":
            return Sdk(name, request.getfixturevalue("vendor_python"), "snowplow_signals")
        if name == "compat":
            return Sdk(name, Path(sys.executable), "snowplow_signals", path=str(ALIAS))
        return Sdk(name, Path(sys.executable), "snowmelt")

    return named


@pytest.fixture(params=NAMES)
def sdk(request: pytest.FixtureRequest, sdk_named: Callable[[str], Sdk]) -> Sdk:
    """Each of the three clients in turn."""
    return sdk_named(request.param)


@pytest.fixture
def running_with(server: Any, tmp_path: Path) -> Callable[..., Any]:
    """Start a script of this folder with a client against the server, as a context manager."""

    @contextmanager
    def start(sdk: Sdk, name: str, **extra: str) -> Iterator[Running]:
        program = tmp_path / f"{sdk.name}_{name}"
        program.write_text(sdk.source(Path(__file__).with_name(name)))
        environment = sdk.environment(SIGNALS_URL=server.url, SIGNALS_TOKEN=server.token, **extra)
        with (
            program.with_suffix(".stderr").open("w+") as errors,
            subprocess.Popen(
                [str(sdk.python), "-u", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
                cwd=tmp_path,
            ) as process,
        ):
            try:
                yield Running(process, errors)
            finally:
                if process.poll() is None:
                    process.kill()

    return start


@pytest.fixture
def running(sdk: Sdk, running_with: Callable[..., Any]) -> Callable[..., Any]:
    """The same with each of the three clients in turn."""
    return partial(running_with, sdk)


class Shopper:
    """One browser of a shop, whose actions the real Snowplow tracker for Python sends.

    Args:
        url: Where the collector is.
        domain_userid: Which browser it is.
        user_id: Who is logged in, if anybody is.
    """

    def __init__(self, url: str, domain_userid: str, user_id: str | None = None) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self.lost: list[object] = []
        emitter = Emitter(
            address.hostname,
            protocol="http",
            port=address.port,
            method="post",
            batch_size=10,
            request_timeout=10,
            on_failure=lambda _sent, unsent: self.lost.extend(unsent),
        )
        subject = Subject().set_platform("web").set_domain_user_id(domain_userid)
        if user_id is not None:
            subject.set_user_id(user_id)
        self._tracker = Tracker("shop", emitter, subject=subject, app_id="shop")

    def does(self, action: str, prices: Iterable[float]) -> None:
        """One action on products of these prices."""
        products = [
            SelfDescribingJson(
                f"{SCHEMAS}/product/jsonschema/1-0-0",
                {"id": f"sku-{place}", "category": "shoes", "price": price, "currency": "EUR"},
            )
            for place, price in enumerate(prices)
        ]
        event = SelfDescribingJson(f"{SCHEMAS}/snowplow_ecommerce_action/jsonschema/1-0-2", {"type": action})
        self._tracker.track(SelfDescribing(event, context=products))

    def arrives(self) -> None:
        """Send what is still buffered; returns once the collector has acknowledged all of it."""
        self._tracker.flush()
        assert not self.lost, "the collector refused events"


@pytest.fixture
def shopper(server: Any) -> Callable[..., Shopper]:
    """A visitor of the shop, by domain user id and, if one is logged in, user id."""
    return lambda *ids: Shopper(server.url, *ids)
