"""``snowmelt bench``: what this machine can do."""

from typing import Annotated

import typer

from snowmelt.cli.output import print_table


def bench(
    events: Annotated[
        int, typer.Option(metavar="N", min=1_000, max=5_000_000, help="How many events to run.")
    ] = 100_000,
) -> None:
    """Measure this machine: the disk, the engine and reads.

    It works in a temporary folder. The events are made up, 1.8 KB each, for the tutorial's three attributes.
    Decoding alone is measured in the same run; the ratios to it say more than the rates about a machine that is
    busy with other things.

    \b
    Example:
      snowmelt bench --events 200000
    """
    import tempfile
    from pathlib import Path

    from snowmelt.cli.measurements import measure
    from snowmelt.runtimes.logs import configure_logs

    configure_logs("warning")
    with tempfile.TemporaryDirectory(prefix="snowmelt-bench-") as folder:
        measured = list(measure(Path(folder), events))
    alone = next(one.rate for one in measured if one.is_yardstick)
    rows = [(one.what, f"{one.rate:,.0f} /s", f"{one.rate / alone:.2f}") for one in measured]
    print_table(("what", "rate", "to decoding alone"), rows)
