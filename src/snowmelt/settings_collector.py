"""The settings of the tracker endpoints; names follow the reference collector's where it has the same thing."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyNetwork, field_validator, model_validator

_TWO_SEGMENTS = re.compile(r"/[^/?#\s]+/[^/?#\s]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_REDIRECT = "/r/tp2"

CookieName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


def _same_site(value: object) -> object:
    """Browsers read the word in any case, so people write it in any; empty text unsets it."""
    return (value.capitalize() or None) if isinstance(value, str) else value


class CookieSettings(_Section):
    """The third-party cookie that carries the network user id."""

    enabled: bool = True
    name: CookieName = "sp"
    expiration_days: Annotated[int, Field(ge=1, le=36_500)] = 365
    domains: list[str] = []
    """Domains to choose from, in this order, by the request's ``Origin``."""
    fallback_domain: str | None = None
    secure: bool = True
    http_only: bool = True
    same_site: Annotated[Literal["None", "Lax", "Strict"] | None, BeforeValidator(_same_site)] = "None"
    client_cookie_name: CookieName | None = None
    """Name of a second cookie of the same value that the page's own scripts can read."""


class DoNotTrackCookieSettings(_Section):
    """A cookie by which visitors say that nothing of them is to be recorded."""

    enabled: bool = False
    name: CookieName = "do_not_track"
    value: str = ".*"
    """A regular expression that matches the whole value."""

    @field_validator("value")
    @classmethod
    def _regular(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"`{value}` is not a regular expression: {error}") from None
        return value


class CookieBounceSettings(_Section):
    """One redirect of a pixel request without the cookie, to see whether the browser keeps cookies at all."""

    enabled: bool = False
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+$")] = "n3pc"
    """The parameter that marks the second request."""
    fallback_network_user_id: str = "00000000-0000-4000-A000-000000000000"
    """The id of those that come back without the cookie."""
    forwarded_protocol_header: str | None = None
    """The header in which a proxy says ``http`` or ``https``; without it the redirect names no host."""


class RootResponseSettings(_Section):
    """What ``GET /`` answers."""

    enabled: bool = False
    status_code: Annotated[int, Field(ge=200, le=599)] = 302
    headers: dict[str, str] = {}
    body: str = ""

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"`{name}: {value}` cannot be sent as a header")
        return headers


class CrossDomainSettings(_Section):
    """``/crossdomain.xml``, which only old plugins of browsers ask for."""

    enabled: bool = False
    domains: list[str] = ["*"]
    secure: bool = True


class HstsSettings(_Section):
    """``Strict-Transport-Security``, by which browsers come over HTTPS only from then on."""

    enabled: bool = False
    max_age_days: Annotated[int, Field(ge=1, le=3_650)] = 365


class CollectorSettings(_Section):
    """The tracker endpoints."""

    cookie: CookieSettings = CookieSettings()
    do_not_track_cookie: DoNotTrackCookieSettings = DoNotTrackCookieSettings()
    cookie_bounce: CookieBounceSettings = CookieBounceSettings()
    root_response: RootResponseSettings = RootResponseSettings()
    cross_domain: CrossDomainSettings = CrossDomainSettings()
    hsts: HstsSettings = HstsSettings()
    paths: dict[str, str] = {}
    """Custom two-segment paths mapped to standard ones, to dodge ad blockers."""
    enable_default_redirect: bool = False
    """Whether ``/r/...`` redirects; a path that is mapped to ``/r/tp2`` does in any case."""
    redirect_domains: list[str] = []
    """Hosts that may be redirected to; empty allows all, and lets anybody use your name for links to anywhere."""
    trusted_proxies: list[IPvAnyNetwork] | None = None
    """Addresses or networks whose word about the client's address is taken. Unset takes everybody's, as is right
    behind a proxy that sets ``X-Forwarded-For`` anew; empty takes nobody's. Where unknown tokens are counted, by
    address, unset takes nobody's either."""
    max_age_seconds: int = 3600
    """How long a browser may remember a CORS preflight; negative lets it choose."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 2 * 1024**2
    """A larger body is answered 413 and not recorded."""
    max_payload_bytes: Annotated[int, Field(ge=1_000)] = 1024**2
    """A larger request as a whole becomes one failed event (``size_violation``)."""
    max_record_bytes: Annotated[int, Field(ge=1_000)] = 1_000_000
    """A request of this size or more is split into several, each with some of its events."""
    max_request_line_bytes: Annotated[int, Field(gt=0)] = 20_480
    """A longer path and query string together are answered 400 and not recorded."""
    max_header_bytes: Annotated[int, Field(gt=0)] = 40_960
    """Longer headers, all together, are answered 400 and not recorded."""
    max_lag_bytes: Annotated[int, Field(ge=0)] = 8 * 1024**3
    """While more than this of what trackers sent waits for the engine, their requests are answered 503 with
    ``Retry-After``; 0 takes all."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 * 1024**2
    """With less free room on the disk tracker requests are answered 503 with ``Retry-After``, so that the stores can
    still be trimmed and copied; never more than a twentieth of the disk is asked for, and 0 asks for none."""
    receive_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A request whose body takes longer to arrive is answered 408 and not recorded."""
    idle_seconds: Annotated[int, Field(gt=0)] = 75
    """A connection on which nothing comes is closed after this; a proxy before the server must close its own earlier,
    or it may send a request into one that is just being closed."""
    pre_termination_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    """How long a web process serves on as if nothing were after it was told to stop, so that a load balancer can
    notice."""

    @field_validator("paths")
    @classmethod
    def _known_paths(cls, paths: dict[str, str]) -> dict[str, str]:
        for path, target in paths.items():
            for each in (path, target):
                if not _TWO_SEGMENTS.fullmatch(each):
                    raise ValueError(f"`{each}` is not a path of two segments such as `/acme/track`")
            if path.startswith("/r/"):
                raise ValueError(f"`{path}` redirects already, with `enable_default_redirect`")
            if target.startswith("/r/") and target != _REDIRECT:
                raise ValueError(f"`{target}` is read by nobody: redirects are `{_REDIRECT}`")
            if path.startswith("/api/"):
                raise ValueError(f"`{path}` belongs to the API: choose another first segment")
        return paths

    @model_validator(mode="after")
    def _cookies_differ(self) -> "CollectorSettings":
        if self.cookie.client_cookie_name == self.cookie.name:
            raise ValueError("cookie.client_cookie_name must differ from cookie.name")
        return self
