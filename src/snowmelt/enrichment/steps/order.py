"""The steps in the order they run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from snowmelt.enrichment.referrers import LARGE_SITES, Referrers, Source, read_database
from snowmelt.enrichment.steps.bot_detection import BotDetection
from snowmelt.enrichment.steps.campaign import Campaign
from snowmelt.enrichment.steps.collector_facts import CollectorFacts
from snowmelt.enrichment.steps.cookie_extractor import CookieExtractor
from snowmelt.enrichment.steps.cross_navigation import CrossNavigation
from snowmelt.enrichment.steps.derived_timestamp import DerivedTimestamp
from snowmelt.enrichment.steps.event_name import EventName
from snowmelt.enrichment.steps.fingerprint import Fingerprint
from snowmelt.enrichment.steps.header_extractor import HeaderExtractor
from snowmelt.enrichment.steps.iab import Iab
from snowmelt.enrichment.steps.ip_lookups import IpLookups, read_as_numbers
from snowmelt.enrichment.steps.ip_masking import IpMasking
from snowmelt.enrichment.steps.page_url import PageUrl
from snowmelt.enrichment.steps.pseudonymisation import JsonTarget, Pseudonymisation
from snowmelt.enrichment.steps.referer_parser import RefererParser
from snowmelt.enrichment.steps.referrer_url import ReferrerUrl
from snowmelt.enrichment.steps.step import EnrichmentSetupError, SetupProblem, Step
from snowmelt.enrichment.steps.user_agent import UserAgent
from snowmelt.settings_enrichment import EnrichmentSettings

STEPS: tuple[Step, ...] = (
    CollectorFacts(),
    PageUrl(),
    DerivedTimestamp(),
    ReferrerUrl(),
    Campaign(),
    CrossNavigation(),
    EventName(),
)
"""Those that need nothing from outside, as an enricher without settings runs them."""

_Build = Callable[[EnrichmentSettings], Step | None]


class Place(NamedTuple):
    """A step's place in the order.

    Args:
        build: makes it, if it is switched on.
        setting: the table of its settings; ``None`` if it has none.
        told: what it adds, for the documents.
    """

    build: _Build
    setting: str | None
    told: str


def build_steps(settings: EnrichmentSettings, custom: Sequence[Step] = ()) -> tuple[Step, ...]:
    """The steps that are switched on, in the order they run, whatever the order of the settings.

    Later steps read what earlier ones wrote. Whatever hides an address or a user agent comes last, so that the steps
    before it see the real ones.

    Args:
        settings: which, and how.
        custom: steps of the operator's own.

    >>> [step.name for step in build_steps(EnrichmentSettings())][-2:]
    ['cross_navigation', 'event_name']

    Raises:
        EnrichmentSetupError: some cannot be set up; tells of all.
    """
    steps: list[Step] = []
    problems: list[str] = []
    for build, _, _ in ORDER:
        if build is _custom:
            steps += custom
            continue
        try:
            step = build(settings)
        except SetupProblem as problem:
            problems.append(str(problem))
            continue
        if step is not None:
            steps.append(step)
    if problems:
        raise EnrichmentSetupError(problems)
    return tuple(steps)


def _iab(settings: EnrichmentSettings) -> Step | None:
    iab = settings.iab
    if iab.ip_file is None or iab.exclude_useragent_file is None or iab.include_useragent_file is None:
        return None
    files = iab.ip_file, iab.exclude_useragent_file, iab.include_useragent_file
    return Iab(*files, iab.exclude_useragents, iab.include_useragents)


def _user_agent(settings: EnrichmentSettings) -> Step | None:
    return UserAgent(settings.ua_parser.rules) if settings.ua_parser.enabled else None


def _referer_parser(settings: EnrichmentSettings) -> Step | None:
    parser = settings.referer_parser
    if not parser.enabled:
        return None
    database = LARGE_SITES
    if parser.database is not None:
        try:
            database = read_database(parser.database)
        except (OSError, msgspec.DecodeError) as error:
            raise SetupProblem(f"the database {parser.database} of referrers cannot be read: {error}") from error
    own = {
        medium: {name: Source(site.domains, site.parameters) for name, site in sites.items()}
        for medium, sites in parser.referrers.items()
    }
    return RefererParser(Referrers(own, database), parser.internal_domains)


def _campaign(settings: EnrichmentSettings) -> Step | None:
    campaign = settings.campaign
    if not campaign.enabled:
        return None
    names = {f"mkt_{word}": getattr(campaign, word) for word in ("medium", "source", "term", "content", "campaign")}
    return Campaign(names, campaign.click_ids)


def _fingerprint(settings: EnrichmentSettings) -> Step | None:
    fingerprint = settings.event_fingerprint
    if not fingerprint.enabled:
        return None
    return Fingerprint(fingerprint.hash_algorithm, fingerprint.exclude_parameters)


def _cookie_extractor(settings: EnrichmentSettings) -> Step | None:
    return CookieExtractor(settings.cookie_extractor.cookies) if settings.cookie_extractor.cookies else None


def _header_extractor(settings: EnrichmentSettings) -> Step | None:
    pattern = settings.http_header_extractor.headers_pattern
    return HeaderExtractor(pattern) if pattern else None


def _ip_lookups(settings: EnrichmentSettings) -> Step | None:
    databases = {kind: path for kind, path in settings.ip_lookups if isinstance(path, Path)}
    if not databases:
        return None
    asn = settings.asn_lookups
    bots = frozenset(asn.bot_asns)
    if asn.bot_asns_file is not None:
        bots |= read_as_numbers(asn.bot_asns_file)
    return IpLookups(databases, bots, asn.bypass_platforms)


def _bot_detection(settings: EnrichmentSettings) -> Step | None:
    bots = settings.bot_detection
    if not bots.enabled:
        return None
    used = {
        "iab": bots.use_iab,
        "asnLookups": bots.use_asn_lookups,
        "clientSideDetection": bots.use_client_side_detection,
    }
    return BotDetection([name for name, wanted in used.items() if wanted])


def _custom(settings: EnrichmentSettings) -> Step | None:
    """The place of the operator's own steps."""
    return None


def _ip_masking(settings: EnrichmentSettings) -> Step | None:
    masking = settings.anon_ip
    return IpMasking(masking.anon_octets, masking.anon_segments) if masking.enabled else None


def _pii(settings: EnrichmentSettings) -> Step | None:
    pii = settings.pii
    if not pii.enabled:
        return None
    targets = [JsonTarget(target.field, target.schema_criterion, target.json_path) for target in pii.json_fields]
    return Pseudonymisation(pii.columns, targets, pii.hash_function, pii.salt, pii.anonymous_only)


ORDER: tuple[Place, ...] = (
    Place(lambda _: CollectorFacts(), None, "nothing; an event needs the collector's name and a time of receipt"),
    Place(lambda _: PageUrl(), None, "`page_url` with what is illegal in it escaped, and its parts"),
    Place(lambda _: DerivedTimestamp(), None, "`derived_tstamp`: when it happened, by a clock that can be trusted"),
    Place(_iab, "iab", "an entity: whether user agent or address are on the IAB's list of robots"),
    Place(_user_agent, "ua_parser", "an entity: browser, operating system and device"),
    Place(lambda _: ReferrerUrl(), None, "the parts of `page_referrer`"),
    Place(_referer_parser, "referer_parser", "`refr_medium`, `refr_source`, `refr_term`: where the visitor came from"),
    Place(_campaign, "campaign", "`mkt_*`, from parameters of the page's address"),
    Place(
        lambda settings: CrossNavigation(settings.cross_navigation.enabled),
        "cross_navigation",
        "`refr_domain_userid` and `refr_dvce_tstamp` from links between sites; an entity if it is on",
    ),
    Place(_fingerprint, "event_fingerprint", "`event_fingerprint`, the same whenever an event is sent again"),
    Place(_cookie_extractor, "cookie_extractor", "an entity for each cookie that is named"),
    Place(_header_extractor, "http_header_extractor", "an entity for each header that matches"),
    Place(lambda _: EventName(), None, "`event_vendor`, `event_name`, `event_format`, `event_version`"),
    Place(_ip_lookups, "ip_lookups", "`geo_*` and `ip_*`, an entity of the network, and by `asn_lookups` its kind"),
    Place(_bot_detection, "bot_detection", "an entity: whether anything said that this is a robot"),
    Place(_custom, "custom", "whatever [enrichments of your own](#4-enrichments-of-your-own) add"),
    Place(_ip_masking, "anon_ip", "`x` for the end of `user_ipaddress`"),
    Place(_pii, "pii", "hashes for personal data"),
)
