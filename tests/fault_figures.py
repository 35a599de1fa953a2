"""What the tests of faults have done in this process, by name."""

FIGURES: dict[str, object] = {}


def tell(subject: str, **figures: object) -> None:
    """Keep figures for the end of the run; numbers of one name are added up."""
    for name, number in figures.items():
        key = f"{subject}: {name.replace('_', ' ')}"
        before = FIGURES.get(key)
        FIGURES[key] = before + number if isinstance(before, int) and isinstance(number, int) else number
