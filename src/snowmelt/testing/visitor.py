"""Somebody whom no other test knows."""

import uuid
from dataclasses import dataclass, field


def _fresh() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Visitor:
    """The identifiers of one visitor and session; new ones unless they are given.

    Profiles of other visitors cannot be met, so that tests may share a server.

    Args:
        domain_userid: of the browser.
        domain_sessionid: of the session.
        network_userid: of the collector's cookie.
        user_id: of whoever is logged in.

    >>> Visitor().domain_userid == Visitor().domain_userid
    False
    >>> Visitor(user_id="ann").user_id
    'ann'
    """

    domain_userid: str = field(default_factory=_fresh)
    domain_sessionid: str = field(default_factory=_fresh)
    network_userid: str = field(default_factory=_fresh)
    user_id: str = field(default_factory=_fresh)
