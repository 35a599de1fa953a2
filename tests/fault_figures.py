"""How long the tests of faults take, and what they have done in this process."""

import os

MOMENTS = int(os.environ.get("SNOWMELT_FAULT_MOMENTS", "5"))
"""Random moments at which something dies."""
IS_LONG = MOMENTS > 20
"""Whether everything is broken that can be; else some of it, so that `make test` stays short."""

FIGURES: dict[str, object] = {}


def tell(subject: str, **figures: object) -> None:
    """Keep figures for the end of the run; numbers of one name are added up."""
    for name, number in figures.items():
        key = f"{subject}: {name.replace('_', ' ')}"
        before = FIGURES.get(key)
        FIGURES[key] = before + number if isinstance(before, int) and isinstance(number, int) else number
