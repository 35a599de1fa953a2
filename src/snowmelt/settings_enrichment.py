"""The settings of the enrichments; tables and names follow the reference's configurations, in snake case."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Platform = Literal["web", "mob", "pc", "srv", "app", "tv", "cnsl", "iot", "headset"]
HashFunction = Literal["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"]
AsNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]

_CRITERION = re.compile(r"iglu:[a-zA-Z0-9\-_.]+/[a-zA-Z0-9\-_]+/[a-zA-Z0-9\-_]+/([0-9]+|\*)-([0-9]+|\*)-([0-9]+|\*)")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CampaignSettings(_Section):
    """Marketing columns from parameters of the page's address; of each list the first that is there counts."""

    enabled: bool = True
    medium: list[str] = ["utm_medium"]
    source: list[str] = ["utm_source"]
    term: list[str] = ["utm_term"]
    content: list[str] = ["utm_content"]
    campaign: list[str] = ["utm_campaign"]
    click_ids: dict[str, str] = {}
    """Networks by the parameter of their click ids, beside ``gclid``, ``msclkid`` and ``dclid``."""


class CrossNavigationSettings(_Section):
    """The ``_sp`` parameter of links between sites."""

    enabled: bool = False
    """Attach all its parts as an entity; the two columns are filled in any case."""


class RefererSource(_Section):
    """One site that visitors come from."""

    domains: Annotated[list[str], Field(min_length=1)]
    parameters: list[str] = []


class RefererParserSettings(_Section):
    """Where visitors come from: medium, source and search term of the referrer."""

    enabled: bool = True
    database: Path | None = None
    """A file ``referers.json`` of the public referer-parser database; unset knows some two dozen large sites."""
    internal_domains: list[str] = []
    """Hosts of your own; the page's own host always is."""
    referrers: dict[str, dict[str, RefererSource]] = {}
    """Further ones, which come first: medium, name, then ``domains`` and ``parameters``."""


class UaParserSettings(_Section):
    """Browser, operating system and device, from the user agent."""

    enabled: bool = True
    rules: Path | None = None
    """A file ``regexes.yaml`` of uap-core, in place of the rules that come with ua-parser."""


class IpLookupsSettings(_Section):
    """Where an address is, from MaxMind's databases (``.mmdb``) of your own."""

    geo: Path | None = None
    """GeoIP2 or GeoLite2 City."""
    isp: Path | None = None
    domain: Path | None = None
    connection_type: Path | None = None
    asn: Path | None = None


class AsnLookupsSettings(_Section):
    """Networks of data centers, from which people do not browse; needs ``ip_lookups.asn`` or ``ip_lookups.isp``."""

    bot_asns: list[AsNumber] = []
    bot_asns_file: Path | None = None
    """More of them: one number a line, the rest of a line after a comma is not looked at."""
    bypass_platforms: list[Platform] = []
    """Events of these are not judged."""


class IabSettings(_Section):
    """The IAB's list of spiders and robots, of which you need a copy of your own: all three files."""

    ip_file: Path | None = None
    exclude_useragent_file: Path | None = None
    include_useragent_file: Path | None = None
    exclude_useragents: list[str] = []
    """Further parts of user agents that are robots, whatever the files say."""
    include_useragents: list[str] = []
    """Parts of user agents that are none, before all other tests."""

    @model_validator(mode="after")
    def _all_or_none(self) -> "IabSettings":
        files = (self.ip_file, self.exclude_useragent_file, self.include_useragent_file)
        if any(files) and not all(files):
            raise ValueError("give all three files: ip_file, exclude_useragent_file and include_useragent_file")
        if not any(files) and (self.exclude_useragents or self.include_useragents):
            raise ValueError("lists of your own need the three files too")
        return self


class BotDetectionSettings(_Section):
    """One entity that says whether an event is a robot's, by whatever found it to be."""

    enabled: bool = False
    use_iab: bool = True
    use_asn_lookups: bool = True
    use_client_side_detection: bool = True


class EventFingerprintSettings(_Section):
    """A hash of what the tracker sent, the same whenever it is sent again."""

    enabled: bool = False
    hash_algorithm: Literal["MD5", "SHA1", "SHA256", "SHA384", "SHA512"] = "MD5"
    exclude_parameters: list[str] = ["cv", "eid", "nuid", "stm"]


class CookieExtractorSettings(_Section):
    """Cookies of the page's own site, as entities."""

    cookies: list[str] = []


class HttpHeaderExtractorSettings(_Section):
    """Headers, as entities."""

    headers_pattern: str | None = None
    """A regular expression that matches the whole name."""

    @field_validator("headers_pattern")
    @classmethod
    def _regular(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"`{pattern}` is not a regular expression: {error}") from None
        return pattern


class AnonIpSettings(_Section):
    """Masking the end of addresses."""

    enabled: bool = False
    anon_octets: Annotated[int, Field(ge=1, le=4)] = 1
    """How many of the four numbers of an IPv4 address."""
    anon_segments: Annotated[int, Field(ge=1, le=8)] | None = None
    """How many of the eight groups of an IPv6 address; unset is as many as ``anon_octets``."""


PiiColumn = Literal[
    "user_id",
    "user_ipaddress",
    "user_fingerprint",
    "domain_userid",
    "network_userid",
    "ip_organization",
    "ip_domain",
    "tr_orderid",
    "ti_orderid",
    "mkt_term",
    "mkt_content",
    "mkt_clickid",
    "se_category",
    "se_action",
    "se_label",
    "se_property",
    "refr_domain_userid",
    "domain_sessionid",
]


class PiiJson(_Section):
    """Texts inside the data of events and entities."""

    field: Literal["unstruct_event", "contexts", "derived_contexts"]
    schema_criterion: str
    """Such as ``iglu:com.acme/order/jsonschema/1-*-*``."""
    json_path: str
    """Such as ``$.customer.email`` or ``$.emails[*]``."""

    @field_validator("schema_criterion")
    @classmethod
    def _criterion(cls, criterion: str) -> str:
        if _CRITERION.fullmatch(criterion) is None:
            raise ValueError(f"`{criterion}` is not like iglu:com.acme/order/jsonschema/1-*-*")
        return criterion


class PiiSettings(_Section):
    """Personal data replaced by a hash, after everything else has seen it."""

    enabled: bool = False
    columns: list[PiiColumn] = []
    json_fields: list[PiiJson] = []
    hash_function: HashFunction = "SHA-256"
    salt: Annotated[str, Field(repr=False)] = ""
    """Added to every value; whoever knows it can guess values."""
    anonymous_only: bool = False
    """Only in requests with the header ``SP-Anonymous``."""

    @model_validator(mode="after")
    def _salted(self) -> "PiiSettings":
        if self.enabled and not self.salt:
            raise ValueError("a salt is needed: without it anybody can guess values and compare the hashes")
        if self.enabled and not self.columns and not self.json_fields:
            raise ValueError("name the columns or json_fields to replace")
        return self


class CustomEnrichmentSettings(_Section):
    """One enrichment of your own, which an installed package offers as ``snowmelt.enrichments``."""

    options: dict[str, Any] = {}
    """Passed to it when it starts."""
    timeout_ms: Annotated[float, Field(gt=0, le=60_000)] = 500.0
    """An event on which it works longer fails, and it is started anew."""


class EnrichmentSettings(_Section):
    """What is added to events; the order in which it happens is fixed."""

    folder: Path | None = None
    """A folder of Snowplow's own configuration files (``*.json``), in place of tables here; their databases are looked
    for in it too."""
    campaign: CampaignSettings = CampaignSettings()
    cross_navigation: CrossNavigationSettings = CrossNavigationSettings()
    referer_parser: RefererParserSettings = RefererParserSettings()
    ua_parser: UaParserSettings = UaParserSettings()
    ip_lookups: IpLookupsSettings = IpLookupsSettings()
    asn_lookups: AsnLookupsSettings = AsnLookupsSettings()
    iab: IabSettings = IabSettings()
    bot_detection: BotDetectionSettings = BotDetectionSettings()
    event_fingerprint: EventFingerprintSettings = EventFingerprintSettings()
    cookie_extractor: CookieExtractorSettings = CookieExtractorSettings()
    http_header_extractor: HttpHeaderExtractorSettings = HttpHeaderExtractorSettings()
    anon_ip: AnonIpSettings = AnonIpSettings()
    pii: PiiSettings = PiiSettings()
    custom: dict[str, CustomEnrichmentSettings] = {}
    """Enrichments of your own by name, in the order they run."""
    max_lengths: dict[str, Annotated[int, Field(gt=0)]] = {}
    """Longest text by column, in the place of the usual one."""
    accept_any_length: bool = False
    """Let texts of any length through."""

    @field_validator("max_lengths")
    @classmethod
    def _known_columns(cls, lengths: dict[str, int]) -> dict[str, int]:
        from snowmelt.events.fields import FIELD_BY_NAME

        for column in lengths:
            if column not in FIELD_BY_NAME or FIELD_BY_NAME[column].type != "string":
                raise ValueError(f"`{column}` is no column of texts")
        return lengths

    @model_validator(mode="after")
    def _supplied(self) -> "EnrichmentSettings":
        judged = self.asn_lookups.bot_asns or self.asn_lookups.bot_asns_file
        if judged and not (self.ip_lookups.asn or self.ip_lookups.isp):
            raise ValueError("asn_lookups needs ip_lookups.asn or ip_lookups.isp, which tell the number of an address")
        return self
