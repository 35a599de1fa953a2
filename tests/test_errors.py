"""The tree that is drawn in ``snowmelt.errors`` is the tree that there is."""

import importlib
import pkgutil
import re

import snowmelt
import snowmelt.errors
from snowmelt.errors import SnowmeltError

DRAWN = re.compile(r"^ +[├└]── (\w+) +([\w/]+(?:\.py)?) ", re.MULTILINE)


def test_every_branch_is_drawn_where_it_is_defined() -> None:
    for module in pkgutil.walk_packages(snowmelt.__path__, "snowmelt."):
        # Starting the command line, and migrations, which Alembic runs.
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    drawn = dict(DRAWN.findall(snowmelt.errors.__doc__ or ""))
    branches = {
        branch.__name__: branch.__module__.removeprefix("snowmelt.").replace(".", "/") + ".py"
        for branch in SnowmeltError.__subclasses__()
        if branch.__module__.startswith("snowmelt.")
    }
    assert drawn.keys() == branches.keys()
    # A drawn folder stands for a file in it.
    assert {name: place for name, place in drawn.items() if not branches[name].startswith(place)} == {}
