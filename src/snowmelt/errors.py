"""The root of every error that Snowmelt raises on purpose.

The tree, each branch defined beside the code that raises it::

    SnowmeltError
    ├── DefinitionError          definitions/problems.py   a definition is wrong; lists every problem at once
    ├── EventError               events/errors.py          bytes that are not a canonical event
    ├── StoreError               stores/errors.py          a data folder cannot be used as asked
    ├── RegistryError            stores/registry/errors.py the registry refuses a change
    └── SignalsError             sdk/errors.py             a call to a server did not succeed
        └── SignalsAPIError
"""

from typing import ClassVar


class SnowmeltError(Exception):
    """Something went wrong that the caller can understand and act on.

    The message says what was wrong, where, and what to do next. ``code`` is a stable word for programs.
    """

    code: ClassVar[str] = "error"
