"""The enricher that the settings describe, for the engine and for whoever wants to know what the engine would do."""

from snowmelt.enrichment.configurations import with_configurations
from snowmelt.enrichment.lengths import LENGTH_LIMITS
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.enrichment.steps.step import EnrichmentSetupError, Step
from snowmelt.iglu.configuration import build_gate
from snowmelt.iglu.gate import SchemaGate
from snowmelt.iglu.local import LocalRegistry
from snowmelt.runtimes.custom_enrichment import CustomEnrichment, custom_steps
from snowmelt.runtimes.data_dir import SCHEMAS
from snowmelt.settings import Settings


def gate_of(settings: Settings, *, holds: bool = False) -> SchemaGate | None:
    """What judges data by its schema as the settings say, ``None`` if nothing does.

    Args:
        settings: of the server.
        holds: whether it may ask to wait for a registry that does not answer.

    Raises:
        ResolverError: the resolver configuration cannot be used.
    """
    return build_gate(settings.schemas, LocalRegistry(settings.data_dir.absolute() / SCHEMAS), holds=holds)


def enricher_of(settings: Settings, gate: SchemaGate | None = None) -> Enricher:
    """The enricher that the settings describe.

    Args:
        settings: of the server.
        gate: from :func:`gate_of`; by default one that never asks to wait.

    Cost: half a second, mostly for the rules of user agents; more for enrichments of the operator's own.

    Raises:
        EnrichmentSetupError: an enrichment cannot be set up.
        ResolverError: the resolver configuration cannot be used.
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
    return Enricher(steps=steps, validator=gate or gate_of(settings), length_limits=limits)
