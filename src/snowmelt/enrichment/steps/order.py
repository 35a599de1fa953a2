"""The steps in the order they run."""

from snowmelt.enrichment.steps.campaign import Campaign
from snowmelt.enrichment.steps.collector_facts import CollectorFacts
from snowmelt.enrichment.steps.cross_navigation import CrossNavigation
from snowmelt.enrichment.steps.derived_timestamp import DerivedTimestamp
from snowmelt.enrichment.steps.event_name import EventName
from snowmelt.enrichment.steps.page_url import PageUrl
from snowmelt.enrichment.steps.referrer_url import ReferrerUrl
from snowmelt.enrichment.steps.step import Step

STEPS: tuple[Step, ...] = (
    CollectorFacts(),
    PageUrl(),
    DerivedTimestamp(),
    ReferrerUrl(),
    Campaign(),
    CrossNavigation(),
    EventName(),
)
"""Later steps read what earlier ones wrote. Whatever hides an address or a user agent must come last, so that
the steps before it see the real ones."""
