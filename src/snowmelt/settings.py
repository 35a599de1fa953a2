"""One tree of settings for every process: defaults, then a TOML file, then the environment, then flags."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from snowmelt.settings_collector import CollectorSettings
from snowmelt.settings_connectors import KafkaSource, Output, named_apart
from snowmelt.settings_enrichment import EnrichmentSettings
from snowmelt.settings_schemas import FailedEventSettings, MicroSettings, SchemaSettings

GiB = 1024**3

MapSize = Annotated[int, Field(ge=1024**2)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class HttpSettings(_Section):
    """What every connection must keep to, whatever it asks for."""

    max_head_bytes: Annotated[int, Field(ge=8192)] = 65_536
    """Request line and headers together; longer ones are answered 431 before anything looks at them."""
    max_headers: Annotated[int, Field(ge=16)] = 128
    """Headers of a request; more are answered 431."""
    head_seconds: Annotated[float, Field(gt=0)] = 15.0
    """A client that takes longer for request line and headers is answered 408 and cut off."""
    body_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A body may take this long, and longer by what has come of it at `body_bytes_per_second`; else 408."""
    body_bytes_per_second: Annotated[int, Field(ge=1)] = 500
    """The pace that a body must keep after `body_seconds`."""
    answer_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A client that takes nothing of its answer for this long is cut off."""
    max_connections: Annotated[int, Field(ge=1)] = 16_384
    """Connections open at once in one web process, streams among them, if the limit of open files allows; further
    ones are answered 503 and closed."""


class LogSettings(_Section):
    """The event log: the durable record of everything acknowledged."""

    map_size: MapSize = 256 * GiB
    """Upper bound of the log file; address space, not disk, is reserved."""
    retention_hours: Annotated[float, Field(ge=0)] = 24.0
    """Records older than this are dropped once a checkpoint of the profiles covers them."""


class EngineSettings(_Section):
    """The process that turns logged events into profiles."""

    map_size: MapSize = 256 * GiB
    """Upper bound of the profile store file; address space, not disk, is reserved."""
    commit_ms: Annotated[float, Field(ge=1, le=1000)] = 400.0
    """While events are waiting, the profiles are committed this often; a quiet engine commits at once."""
    cache_keys: Annotated[int, Field(ge=1)] = 100_000
    """Profiles kept decoded in memory between commits."""
    duplicate_hours: Annotated[float, Field(ge=0)] = 24.0
    """An event whose id came within this time before is not counted again; 0 counts every event."""
    remembered_events: Annotated[int, Field(ge=2)] = 20_000_000
    """Ids of events that are remembered at most, at up to 27 bytes each; more shorten the time above."""
    sweep_minutes: Annotated[float, Field(ge=0)] = 60.0
    """How often profiles are looked for whose every value has expired, to drop them; 0 keeps them for ever."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 15.0
    """How often a synced copy of the profiles is taken; after a power cut the engine starts from it."""


class ReadySettings(_Section):
    """What `/ready` still takes for ready."""

    lag_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How long an acknowledged event may wait to be counted."""
    engine_seconds: Annotated[float, Field(gt=0)] = 15.0
    """How long the engine may be at one piece of work; usually it is at the next within a second."""


class TracingSettings(_Section):
    """Spans of the server's work, by OpenTelemetry; where they go is said by its standard variables."""

    enabled: bool = False
    """Make spans and send them by OTLP over HTTP; needs `snowmelt[otel]`. `OTEL_EXPORTER_OTLP_ENDPOINT`,
    `OTEL_TRACES_SAMPLER` and the others of OpenTelemetry say where to and how many."""
    continue_traces: bool = True
    """Continue the trace of a request that has a `traceparent`, also whether it is sampled; off where strangers could
    have everything sampled by it."""


class McpSettings(_Section):
    """The door for agents at ``/mcp``."""

    drafts: bool = False
    """Offer a tool that says what publishing a definition would do, too. It changes nothing."""
    hosts: list[str] = []
    """Names under which agents reach the server, such as ``signals.example.com``, if not by the address it listens
    on. Requests to other names are refused; a server that listens on more than this machine and names none here
    takes all."""
    origins: list[str] = []
    """Web pages that may call, such as ``https://chat.example.com``, where names are checked."""


class InterventionSettings(_Section):
    """Pushing interventions to whoever is subscribed."""

    map_size: MapSize = 4 * GiB
    """Upper bound of the outbox file; address space, not disk, is reserved."""
    keep_minutes: Annotated[float, Field(gt=0)] = 5.0
    """How long a subscriber whose connection was cut can come back and miss nothing."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """A stream on which nothing is sent gets a comment at least this often, so that proxies keep it open."""
    stall_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A subscriber that takes nothing for this long while something waits for it is cut off."""
    max_streams: Annotated[int, Field(ge=1)] = 12_000
    """Streams open at once in one web process, if the limit of open files allows; more are answered 503."""
    identifiers_per_key: Annotated[int, Field(ge=1)] = 10
    """Identifiers of one attribute key that a stream may ask for."""
    identifiers: Annotated[int, Field(ge=1)] = 50
    """Identifiers of all attribute keys together that a stream may ask for."""
    any_identifier: bool = False
    """Whether streams may ask for identifiers that are no UUIDs: whoever can guess one reads what is sent to it."""
    require_token: bool = False
    """Whether streams need a token that this server has made for their identifiers."""
    text_values: Literal["plain", "json"] = "plain"
    """How the engine sends texts as values of attributes: as they are, or as JSON, with quotes. All else is JSON
    anyway, and values of pushes stay as they come."""


class WebhookSettings(_Section):
    """Posting interventions to endpoints; the endpoints are managed with ``snowmelt webhook``."""

    allow_private: bool = False
    """Whether endpoints may be on private, loopback and other addresses that are not public, and use plain HTTP."""
    at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """Messages that are under way to one endpoint at the same time."""
    first_pause_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How long after the first failure a message is sent again; with each further one three times as long."""
    longest_pause_hours: Annotated[float, Field(gt=0)] = 3.0
    """No pause between two attempts is longer, unless the endpoint asks for it."""
    give_up_hours: Annotated[float, Field(ge=0)] = 24.0
    """A message whose attempt fails after this time is given up; ``snowmelt failed`` has it then."""
    max_waiting: Annotated[int, Field(ge=1)] = 100_000
    """Messages that wait for one endpoint at most; what comes then is given up at once."""


class PreviewSettings(_Section):
    """Trying a definition on recent events."""

    seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long one may take."""
    memory_mb: Annotated[int, Field(ge=128)] = 1024
    """How much memory one may take."""
    at_once: Annotated[int, Field(ge=1)] = 1
    """How many run at the same time in one web process; a few others wait, more are answered 503."""


class Settings(BaseSettings):
    """Everything that can be set, as ``snowmelt.toml``, ``SNOWMELT_*`` variables or flags of ``snowmelt serve``.

    A nested setting's variable joins the names with two underscores: ``SNOWMELT_LOG__RETENTION_HOURS=48``.
    """

    model_config = SettingsConfigDict(
        env_prefix="SNOWMELT_",
        env_nested_delimiter="__",
        toml_file="snowmelt.toml",
        extra="forbid",
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("snowmelt-data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free port; the ready line names it."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Web processes; the engine is always one process more."""
    tls_cert: Path | None = None
    """A certificate and what leads to its authority, in PEM: the server then speaks HTTPS only."""
    tls_key: Path | None = None
    """The certificate's key, in PEM and without a password."""
    sandbox_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """The bearer token of the API. If unset one is made and kept in the data folder, mode 0600."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"
    """Lines of the log as JSON objects or as text; `auto` is text on a terminal and JSON elsewhere."""
    http: HttpSettings = HttpSettings()
    collector: CollectorSettings = CollectorSettings()
    enrichment: EnrichmentSettings = EnrichmentSettings()
    log: LogSettings = LogSettings()
    engine: EngineSettings = EngineSettings()
    ready: ReadySettings = ReadySettings()
    tracing: TracingSettings = TracingSettings()
    schemas: SchemaSettings = SchemaSettings()
    failed_events: FailedEventSettings = FailedEventSettings()
    micro: MicroSettings = MicroSettings()
    mcp: McpSettings = McpSettings()
    interventions: InterventionSettings = InterventionSettings()
    webhooks: WebhookSettings = WebhookSettings()
    previews: PreviewSettings = PreviewSettings()
    sources: Annotated[list[KafkaSource], AfterValidator(named_apart)] = []
    """Kafka topics that enriched events are read from."""
    outputs: Annotated[list[Output], AfterValidator(named_apart)] = []
    """Files and Kafka topics that enriched and failed events are written to."""

    @model_validator(mode="after")
    def _one_memory(self) -> "Settings":
        if self.micro.enabled and self.workers > 1:
            raise ValueError("micro.enabled needs workers = 1: each web process would remember other events")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def overridden(self, **flags: Any) -> "Settings":
        """These settings with every flag that is not None put on top.

        >>> Settings().overridden(port=9000, host=None).port
        9000
        """
        return self.model_copy(update={name: value for name, value in flags.items() if value is not None})
