"""What the public surface has and this version has not: one table, the errors and the page made from it."""

from dataclasses import dataclass

from snowmelt.sdk.errors import NotYetAvailableError

PAGE = "docs/not-yet.md"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature whose calls exist with their signatures and raise until it is built.

    Args:
        title: What users call it.
        does: What it will do, in one sentence.
        meanwhile: What to do until then.
        calls: The public names that raise.
    """

    title: str
    does: str
    meanwhile: str
    calls: tuple[str, ...]


NOT_YET: tuple[Feature, ...] = (
    Feature(
        title="Training sets",
        does="Builds tables of past attribute values to train models on.",
        meanwhile="Compute them in your warehouse from the enriched events.",
        calls=(
            "Signals.build_dataset_with_session_anchors",
            "Signals.build_dataset_with_custom_anchors",
            "Signals.submit_dataset_run_with_session_anchors",
            "Signals.submit_dataset_run_with_custom_anchors",
            "Signals.get_dataset_run_status",
            "Signals.get_dataset_run_preview",
            "Signals.cancel_dataset_run",
            "Signals.datasets.build_sql",
            "Signals.datasets.save_dataset_bundle",
            "Signals.datasets.submit_run",
            "Signals.datasets.get_run_status",
            "Signals.datasets.get_run_preview",
            "Signals.datasets.cancel_run",
        ),
    ),
)

_FEATURE_OF = {call: feature for feature in NOT_YET for call in feature.calls}


def not_yet(call: str) -> NotYetAvailableError:
    """The error for a call of the table.

    Raises:
        KeyError: The call is not in the table.

    >>> print(not_yet("Signals.datasets.submit_run"))
    Signals.datasets.submit_run is not available in this version of Snowmelt yet (training sets).
    Compute them in your warehouse from the enriched events.
    All that is missing is listed in docs/not-yet.md.
    """
    feature = _FEATURE_OF[call]
    return NotYetAvailableError(
        f"{call} is not available in this version of Snowmelt yet ({feature.title.lower()}).\n"
        f"{feature.meanwhile}\nAll that is missing is listed in {PAGE}."
    )


def page() -> str:
    """The text of ``docs/not-yet.md``."""
    lines = [
        "# Not yet",
        "",
        "Snowmelt exports every name of the public SDK. The calls below exist with their signatures, so that",
        "imports work and editors complete them; until their feature is built they raise",
        "`NotYetAvailableError` and send nothing to the server.",
    ]
    for feature in NOT_YET:
        lines += [
            "",
            f"## {feature.title}",
            "",
            feature.does,
            "",
            f"Until then: {_lower_first(feature.meanwhile)}",
            "",
        ]
        lines += [f"- `{call}`" for call in feature.calls]
    return "\n".join(lines) + "\n"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
