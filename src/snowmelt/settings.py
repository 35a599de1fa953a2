"""One tree of settings for every process: defaults, then a TOML file, then the environment, then flags."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

GiB = 1024**3


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CookieSettings(_Section):
    """The third-party cookie that carries the network user id."""

    enabled: bool = True
    name: str = "sp"
    expiration_days: int = 365
    domains: list[str] = []
    """Domains to choose from, in this order, by the request's ``Origin``."""
    fallback_domain: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: Literal["None", "Lax", "Strict"] | None = "None"


class CollectorSettings(_Section):
    """The tracker endpoints."""

    cookie: CookieSettings = CookieSettings()
    paths: dict[str, str] = {}
    """Custom two-segment paths mapped to standard ones, to dodge ad blockers."""
    max_age_seconds: int = 3600
    """How long a browser may remember a CORS preflight."""
    max_body_bytes: int = 2 * 1024**2
    """A larger body is answered 413 and not recorded."""
    max_query_bytes: int = 20480
    """A longer query string is answered 400 and not recorded."""


class LogSettings(_Section):
    """The event log: the durable record of everything acknowledged."""

    map_size: int = 256 * GiB
    """Upper bound of the log file; address space, not disk, is reserved."""
    retention_hours: float = 24.0
    """Records older than this are dropped once a checkpoint of the profiles covers them."""


class EngineSettings(_Section):
    """The process that turns logged events into profiles."""

    map_size: int = 256 * GiB
    """Upper bound of the profile store file; address space, not disk, is reserved."""
    commit_ms: Annotated[float, Field(ge=1, le=1000)] = 50.0
    """While events are waiting, the profiles are committed this often; a quiet engine commits at once."""
    cache_keys: int = 200_000
    """Profiles kept decoded in memory between commits."""
    checkpoint_minutes: float = 15.0
    """How often a synced copy of the profiles is taken; after a power cut the engine starts from it."""


class Settings(BaseSettings):
    """Everything that can be set, as ``snowmelt.toml``, ``SNOWMELT_*`` variables or flags of ``snowmelt serve``.

    A nested setting's variable joins the names with two underscores: ``SNOWMELT_LOG__RETENTION_HOURS=48``.
    """

    model_config = SettingsConfigDict(
        env_prefix="SNOWMELT_",
        env_nested_delimiter="__",
        toml_file="snowmelt.toml",
        extra="ignore",
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("snowmelt-data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """0 takes a free port; the ready line names it."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Web processes; the engine is always one process more."""
    sandbox_token: SecretStr | None = None
    """The bearer token of the API. If unset one is made and kept in the data folder, mode 0600."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    collector: CollectorSettings = CollectorSettings()
    log: LogSettings = LogSettings()
    engine: EngineSettings = EngineSettings()

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
