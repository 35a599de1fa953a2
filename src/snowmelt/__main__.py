"""``python -m snowmelt`` is the ``snowmelt`` command."""

from snowmelt.cli import main

if __name__ == "__main__":
    main()
