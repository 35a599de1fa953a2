"""When a rule is to be looked at without an event, and for whom."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

WAITS = "T\0"
"""What the keys begin with under which it is remembered what a rule waits for."""


class Alarm(NamedTuple):
    """A change of when a rule is to be looked at.

    Args:
        state_id: of the rule.
        key: under which the rule remembers for whom.
        old: the instant that it was set for, ms since the epoch; ``None`` if it was not.
        new: the instant that it is set for now; ``None`` if it no longer is.
    """

    state_id: int
    key: str
    old: int | None
    new: int | None


class Wait(NamedTuple):
    """What a rule waits for, for one combination of key values; remembered beside for whom it has fired.

    Args:
        key: under which it is remembered.
        indexed: when the alarm is set for, ms since the epoch; ``None`` if there is none. It may be earlier than
            ``due``: events often put off what is waited for, and then the alarm is moved only when it comes.
        due: the next instant at which the criteria may come to hold; ``None`` if time does not bring it.
        meaning: since when the rule is published, and the state ids of the groups that it reads.
        keys: the key value of each.
        targets: the attribute key and identifier of each.
    """

    key: str
    indexed: int | None
    due: int | None
    meaning: tuple[int, ...]
    keys: tuple[str | None, ...]
    targets: tuple[tuple[str, str], ...]

    def packed(self) -> list[Any]:
        """As it is stored."""
        return [self.indexed, self.due, list(self.meaning), list(self.keys), [list(target) for target in self.targets]]

    @classmethod
    def of(cls, key: str, remembered: Sequence[Any]) -> "Wait":
        """What was stored under a key; nothing is waited for if nothing was."""
        if not remembered[1]:
            return cls(key, None, None, (), (), ())
        indexed, due, meaning, keys, targets = remembered[1]
        return cls(key, indexed, due, tuple(meaning), tuple(keys), tuple((name, value) for name, value in targets))


def wait_key(meaning: Sequence[int], keys: Sequence[str | None], targets: Sequence[tuple[str, str]]) -> str:
    """Under which key it is remembered what is waited for: short, whatever the key values.

    >>> wait_key([1], ["ann"], [("user_id", "ann")])
    'T\\x00c5d5f14cd029038c94636c467395736e'
    """
    text = repr((tuple(meaning), tuple(keys), tuple(targets)))
    return f"{WAITS}{blake2b(text.encode(), digest_size=16).hexdigest()}"
