"""Unknown tokens are counted by address: which address, how many, for how long, in how much memory."""

import asyncio
import hmac
from typing import Any

import pytest

from snowmelt.api import auth
from snowmelt.api.guessing import GUESSES, MAX_ADDRESSES, WINDOW_S, Guessing
from snowmelt.stores.registry import Registry


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def request(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": None if peer is None else (peer, 50_000), "headers": headers}


def guess(guessing: Guessing, scope: dict[str, Any], times: int = GUESSES) -> None:
    for _ in range(times):
        guessing.note(scope)


def test_an_address_waits_for_the_rest_of_its_window() -> None:
    clock = Clock()
    guessing = Guessing([], clock)
    stranger = request("203.0.113.9")
    guess(guessing, stranger, GUESSES - 1)
    assert guessing.wait(stranger) is None
    clock.now += 20
    guess(guessing, stranger, 1)
    assert guessing.wait(stranger) == WINDOW_S - 20
    clock.now += WINDOW_S - 20
    assert guessing.wait(stranger) is None
    guess(guessing, stranger, 1)
    assert guessing.wait(stranger) is None


def test_memory_is_bounded_and_who_goes_on_is_not_forgotten() -> None:
    guessing = Guessing([], Clock())
    persistent = request("203.0.113.9")
    for number in range(MAX_ADDRESSES + 5_000):
        guessing.note(request(f"198.{18 + number // 65_536}.{number // 256 % 256}.{number % 256}"))
        if number % 1_000 == 0:
            guess(guessing, persistent)
    assert len(guessing) == MAX_ADDRESSES
    assert guessing.wait(persistent) is not None


@pytest.mark.parametrize(
    ("trusted", "one", "other", "same"),
    [
        ([], request("203.0.113.9"), request("203.0.113.10"), False),
        ([], request("203.0.113.9"), request("203.0.113.9", "198.51.100.7"), True),
        ([], request("2001:db8::1"), request("2001:db8::2"), True),
        ([], request("2001:db8::1"), request("2001:db8:0:1::1"), False),
        ([], request("::ffff:203.0.113.9"), request("203.0.113.9"), True),
        (["10.0.0.0/8"], request("10.1.2.3", "198.51.100.7"), request("10.1.2.4", "198.51.100.7"), True),
        (["10.0.0.0/8"], request("10.1.2.3", "198.51.100.7"), request("10.1.2.3", "198.51.100.8"), False),
        # What the client wrote before is not believed, only what the proxy added.
        (["10.0.0.0/8"], request("10.1.2.3", "1.1.1.1, 198.51.100.7"), request("10.1.2.3", "198.51.100.7"), True),
        (["10.0.0.0/8"], request("10.1.2.3", "1.1.1.1", "198.51.100.7"), request("10.1.2.3", "198.51.100.7"), True),
        (["10.0.0.0/8"], request("10.1.2.3", "198.51.100.7, 10.9.9.9"), request("10.1.2.3", "198.51.100.7"), True),
        (["127.0.0.1"], request("127.0.0.1", "198.51.100.7"), request("127.0.0.1", "198.51.100.8"), False),
    ],
)
def test_whose_guesses_are_whose(trusted: list[str], one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    guessing = Guessing(trusted, Clock())
    guess(guessing, one)
    assert guessing.wait(one) is not None
    assert (guessing.wait(other) is not None) == same


@pytest.mark.parametrize(
    "scope",
    [
        request("127.0.0.1"),
        request("::1"),
        request(None),
        request("not an address"),
        request("127.0.0.1", "198.51.100.7"),
        {"headers": []},
    ],
)
def test_this_machine_is_not_counted(scope: dict[str, Any]) -> None:
    """Behind a proxy that was not named it would stand for everybody."""
    guessing = Guessing([], Clock())
    guess(guessing, scope, 2 * GUESSES)
    assert len(guessing) == 0 and guessing.wait(scope) is None


@pytest.mark.parametrize("last", ["garbage", "", "unknown"])
def test_a_trusted_proxy_that_says_nothing_of_use_stands_for_itself(last: str) -> None:
    guessing = Guessing(["10.0.0.1"], Clock())
    guess(guessing, request("10.0.0.1", f"198.51.100.7, {last}"))
    assert guessing.wait(request("10.0.0.1")) is not None
    assert guessing.wait(request("10.0.0.1", "198.51.100.7")) is None


def test_only_unknown_tokens_count_and_known_ones_get_through(
    app: Any, registry: Registry, runner: asyncio.Runner
) -> None:
    gate, stranger = app.gate, request("203.0.113.9")
    known, late, revoked = (registry.api_keys.create("reader") for _ in range(3))
    registry.api_keys.revoke(revoked.stored.id)

    def status(token: str) -> int | None:
        refusal = gate.refusal(f"Bearer {token}".encode(), "reader", stranger)
        return None if refusal is None else refusal.status

    async def try_tokens() -> None:
        assert status(known.key) is None
        for _ in range(2 * GUESSES):
            assert gate.refusal(None, "reader", stranger).status == 401
            assert status(revoked.key) == 401
            assert gate.refusal(f"Bearer {known.key}".encode(), "admin", stranger).status == 403
        assert [status(f"guess-{number}") for number in range(GUESSES + 1)] == [401] * GUESSES + [429]
        # The right one is not told from the wrong ones, unless it was in use before; elsewhere nothing changes.
        assert status(late.key) == 429
        assert status(known.key) is None
        assert gate.refusal(f"Bearer {late.key}".encode(), "reader", request("203.0.113.10")) is None
        refusal = gate.refusal(b"Bearer x", "reader", stranger)
        assert refusal.headers == ((b"retry-after", b"%d" % refusal.wait),) and 1 <= refusal.wait <= WINDOW_S
        fresh = registry.api_keys.create("reader")
        assert gate.refusal_of_key(fresh.stored.id, fresh.key, "reader", stranger).status == 429
        registry.api_keys.revoke(known.stored.id)
        await asyncio.sleep(0)
        assert status(known.key) == 401

    runner.run(try_tokens())


def test_secrets_are_compared_in_constant_time(
    app: Any, registry: Registry, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole and by a function that is made for it, however a wrong one begins and however long it is."""
    compared: list[tuple[Any, Any]] = []
    real = hmac.compare_digest

    def watched(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    key = registry.api_keys.create("reader")

    async def compare() -> None:
        sandbox = "a-token-for-tests"
        for wrong in ("", "a", sandbox[:-1], f"{sandbox}x", "b" * len(sandbox), "smk_x", "a.b.c"):
            compared.clear()
            assert app.gate.refusal(f"Bearer {wrong}".encode(), "reader").text == auth.UNKNOWN
            assert (wrong.encode(), sandbox.encode()) in compared
        for key_id, secret in ((key.stored.id, f"{key.key}x"), ("unknown", key.key), (key.stored.id, "")):
            compared.clear()
            assert app.gate.refusal_of_key(key_id, secret, "reader").status == 401
            ((one, other),) = compared
            assert len(one) == len(other) == 64  # digests, whatever the id is

    runner.run(compare())
