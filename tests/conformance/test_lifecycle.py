"""Publish, change, refuse, unpublish, delete: every client sees the same."""

from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.process


def refused(status: int) -> dict[str, int]:
    return {"status": status}


EXPECTED = {
    "service before it is published": refused(404),
    "service of an unknown group": {"status"},
    "publish": [["person", True], ["shop", 1, True], ["storefront", True]],
    "publish the same again": [["shop", 1, True], ["storefront", True]],
    "publish another content": refused(409),
    "publish the next version": [["shop", 2, True]],
    "latest version": ["shop", 2, True],
    "first version": ["shop", 1, True],
    "attributes of the latest": ["views", "pings"],
    "unknown version": refused(404),
    "service": ["storefront", True],
    "unknown service": refused(404),
    "read the service": {"views": None},
    "read a group": {"views": None, "pings": None},
    "read one attribute": {"views": None},
    "read an unknown one": refused(404),
    "unpublish what a service uses": refused(409),
    "delete what is published": refused(409),
    "delete a key in use": refused(409),
    "unpublish the service": [["storefront", False]],
    "read it then": refused(404),
    "delete the service": None,
    "unpublish both versions": [["shop", 1, False], ["shop", 2, False]],
    "republish one": [["shop", 1, True]],
    "unpublish it again": [["shop", 1, False]],
    "change it while unpublished": [["shop", 1, True]],
    "unpublish the changed": [["shop", 1, False]],
    "unpublish the key": [["person", False]],
    "delete everything": None,
    "nothing is left": refused(404),
}


def test_the_life_of_a_definition(running: Any) -> None:
    # A prefix for each run: the registry may be shared with other tests.
    with running("lifecycle.py", PREFIX=f"p{uuid4().hex[:8]}_") as user:
        steps = dict(user.hear() for _ in EXPECTED)
    # Both statuses are right for a reference to nothing.
    assert steps["service of an unknown group"] in (refused(404), refused(422))
    steps["service of an unknown group"] = {"status"}
    assert steps == EXPECTED
