"""The enricher that the settings describe, for the engine and for whoever wants to know what the engine would do."""

from snowmelt.enrichment.lengths import LENGTH_LIMITS
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.runtimes.custom_enrichment import custom_steps
from snowmelt.settings import Settings


def enricher_of(settings: Settings) -> Enricher:
    """The enricher that the settings describe.

    Cost: half a second, mostly for the rules of user agents; more for enrichments of the operator's own.

    Raises:
        EnrichmentSetupError: an enrichment cannot be set up.
    """
    enrichment = settings.enrichment
    limits = {} if enrichment.accept_any_length else {**LENGTH_LIMITS, **enrichment.max_lengths}
    return Enricher(steps=build_steps(enrichment, custom_steps(enrichment.custom)), length_limits=limits)
