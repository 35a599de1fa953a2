"""The ``snowmelt`` command: one module for each of its verbs, or for a few that belong together.

Command modules import what they need inside their functions, so that ``snowmelt --help`` answers at once.
"""


def main() -> None:
    """Run the command line and exit with its status."""
    import os

    from snowmelt.cli.app import app

    # Whatever a command writes is for its own user: data folders hold secrets, and people's data.
    os.umask(0o077)
    app(prog_name="snowmelt")
