"""The parts of the public API that this release does not serve, in one table."""

from typing import Final, NamedTuple


class Later(NamedTuple):
    """An area of the API that is answered 501.

    Args:
        path: the first path of the area, without a trailing slash; ``*`` stands for one segment.
        what: what is not available yet, in words.
    """

    path: str
    what: str


LATER: Final = (
    Later("/api/v1/agentic_attribute", "Evaluating agentic decisions; their definitions are stored and validated"),
    Later("/api/v1/registry/attribute_groups/*/versions/*/sync_status", "The sync status of batch groups"),
    Later("/api/v1/datasets", "Training datasets"),
    Later("/api/v1/warehouse", "Browsing warehouses"),
)


def later(path: str) -> str | None:
    """What the answer to ``path`` says if its area comes with a later release, else None.

    >>> later("/api/v1/datasets/runs")
    'Training datasets: not available in this release of Snowmelt.'
    >>> later("/api/v1/registry/services")
    """
    segments = path.split("/")
    for area, what in LATER:
        expected = area.split("/")
        if len(segments) >= len(expected) and all(
            want in ("*", segment) for want, segment in zip(expected, segments, strict=False)
        ):
            return f"{what}: not available in this release of Snowmelt."
    return None
