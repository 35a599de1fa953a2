"""The table, the methods that raise, and the page agree."""

import inspect
import re
from typing import Any

import pytest

from snowmelt.sdk.async_client import AsyncSignalsSandbox
from snowmelt.sdk.client import SignalsSandbox
from snowmelt.sdk.errors import NotYetAvailableError
from snowmelt.sdk.not_yet import NOT_YET, not_yet, page

CALLS = [call for feature in NOT_YET for call in feature.calls]
METHODS = [call for call in CALLS if "(" not in call]


def clients() -> list[Any]:
    return [
        SignalsSandbox(api_url="http://x", sandbox_token="t"),
        AsyncSignalsSandbox(api_url="http://x", sandbox_token="t"),
    ]


def method(client: Any, call: str) -> Any:
    for name in call.split(".")[1:]:
        client = getattr(client, name)
    return client


@pytest.mark.parametrize("call", METHODS)
def test_each_method_of_the_table_raises_and_names_itself(call: str) -> None:
    for client in clients():
        function = method(client, call)
        required = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.default is parameter.empty
        ]
        with pytest.raises(NotYetAvailableError, match=re.escape(f"{call} is not available")):
            function(**dict.fromkeys(required))


def test_no_call_is_listed_twice() -> None:
    assert len(CALLS) == len(set(CALLS))


def test_every_method_that_raises_is_in_the_table() -> None:
    """A method that is built, or renamed, must leave the table."""
    client = clients()[0]
    faces = {"Signals": client} | {
        f"Signals.{name}": getattr(client, name)
        for name in ("registry", "attributes", "interventions", "testing", "datasets")
    }
    raising = {
        f"{face}.{name}"
        for face, holder in faces.items()
        for name, function in inspect.getmembers(holder, inspect.ismethod)
        if "not_yet(" in inspect.getsource(function)
    }
    assert raising == set(METHODS)


def test_the_page_lists_every_call() -> None:
    text = page()
    assert text.startswith("# Not yet\n")
    assert [line[3:-1] for line in text.splitlines() if line.startswith("- `")] == CALLS
    assert all(len(line) <= 120 for line in text.splitlines())


def test_an_unlisted_call_cannot_claim_to_be_missing() -> None:
    with pytest.raises(KeyError):
        not_yet("Signals.publish")
