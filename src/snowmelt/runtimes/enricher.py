"""The enricher that the settings describe, for the engine and for whoever wants to know what the engine would do."""

from snowmelt.enrichment.configurations import with_configurations
from snowmelt.enrichment.lengths import LENGTH_LIMITS
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.enrichment.steps.step import EnrichmentSetupError, Step
from snowmelt.runtimes.custom_enrichment import CustomEnrichment, custom_steps
from snowmelt.settings import Settings


def enricher_of(settings: Settings) -> Enricher:
    """The enricher that the settings describe.

    Cost: half a second, mostly for the rules of user agents; more for enrichments of the operator's own.

    Raises:
        EnrichmentSetupError: an enrichment cannot be set up.
    """
    enrichment = with_configurations(settings.enrichment)
    limits = {} if enrichment.accept_any_length else {**LENGTH_LIMITS, **enrichment.max_lengths}
    problems: list[str] = []
    own: tuple[CustomEnrichment, ...] = ()
    steps: tuple[Step, ...] = ()
    try:
        own = custom_steps(enrichment.custom)
    except EnrichmentSetupError as error:
        problems += error.problems
    try:
        steps = build_steps(enrichment, own)
    except EnrichmentSetupError as error:
        problems += error.problems
    if problems:
        for step in own:
            step.close()
        raise EnrichmentSetupError(problems)
    return Enricher(steps=steps, length_limits=limits)
