"""What each path needs: nothing, or a token with a role."""

import re
from typing import Final

from snowmelt.api.deliveries import PATH as STREAM
from snowmelt.api.online import PATH as ONLINE_PATH
from snowmelt.stores.registry import Role

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
PLANS: Final = "/api/v1/registry/attribute_group_plans"
TESTING: Final = tuple(f"/api/v1/testing/{what}" for what in ("flush", "attribute_groups", "interventions"))
READING_POSTS: Final = frozenset({ONLINE_PATH, PLANS, *TESTING, f"{STREAM}/tokens"})
"""POSTs that change nothing: questions that are too long for a URL, and waiting for what others have changed. All
other POSTs change something or cost something."""
ADMINISTRATION: Final = ("/api/v1/api_keys", "/api/v1/user_data")
"""Who else has access, and all that is held about a person, raw requests with addresses among it, or its end."""
AGENTS: Final = "/mcp"
"""Outside of ``/api/``. All of its tools read."""
SCHEMAS: Final = "/api/schemas"
CREDENTIALS: Final = re.compile(r"/api/msc/v1/organizations/[^/]+/credentials/v[23]/token")


def is_schema_path(path: str) -> bool:
    """Whether a path, without a slash at the end, is one of the registry of schemas."""
    return path == SCHEMAS or path.startswith(f"{SCHEMAS}/")


def needed_role(method: str, path: str) -> Role | None:
    """The role that a request needs, None if anybody may send it.

    Whatever is below ``/api/`` and not named here needs a token: reading it a reader's, all else a writer's.

    Args:
        method: of the request, in capitals.
        path: without a slash at the end.

    >>> needed_role("GET", "/api/v1/registry/services"), needed_role("PUT", "/api/v1/registry/services/shop")
    ('reader', 'writer')
    >>> needed_role("GET", "/api/v1/api_keys"), needed_role("GET", "/docs")
    ('admin', None)
    """
    if path in READING_POSTS or path == AGENTS:
        return "reader"
    if not path.startswith("/api/"):
        return None
    if any(path == area or path.startswith(f"{area}/") for area in ADMINISTRATION):
        return "admin"
    if is_schema_path(path):
        # A wrong schema turns everybody's events into failed ones.
        return "reader" if method in READS else "admin"
    if method not in READS:
        return "writer"
    # Browsers open the stream, and cannot send a token with it; the credentials endpoint checks keys itself.
    if (path == STREAM and method == "GET") or CREDENTIALS.fullmatch(path):
        return None
    return "reader"
