"""What can be wrong with a connection to another pipeline."""

from snowmelt.errors import SnowmeltError


class ConnectorError(SnowmeltError):
    """A source or an output cannot be used as it is set up."""

    code = "connector"
