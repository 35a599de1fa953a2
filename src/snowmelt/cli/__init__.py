"""The ``snowmelt`` command: one module for each of its verbs, or for a few that belong together.

Command modules import what they need inside their functions, so that ``snowmelt --help`` answers at once.
"""


def main() -> None:
    """Run the command line and exit with its status."""
    from snowmelt.cli.app import app

    app(prog_name="snowmelt")
