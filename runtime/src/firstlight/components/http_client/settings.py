"""`HTTP_CLIENT_*`: the dependencies that this service calls, and the limits of a call."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .discovery import target
from .discovery.options import SCHEMES
from .discovery.registration import Registration
from .named_files import NamedFiles, ProxyUrl
from .proxies import Proxies


def _split(value: object) -> object:
    """Parse `a=https://a.example,b=https://b.example` into a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [[part.strip() for part in pair.partition("=")] for pair in value.split(",") if pair.strip()]
    for name, _, url in pairs:
        if not name.isidentifier():
            raise ValueError(target.MUST)
        target.parse(url)
    urls = {name: url for name, _, url in pairs}
    if len(urls) < len(pairs):
        msg = "must name each dependency once"
        raise ValueError(msg)
    return urls


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _registration(text: str) -> str:
    if text:
        Registration.parse(text)
    return text


Algorithm = Literal["round_robin", "weighted_round_robin", "random", "least_connections", "fastest", "hash"]


class HttpClientSettings(BaseSettings):
    """`HTTP_CLIENT_*`."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="http_client_", env_ignore_empty=True)

    dependencies: Annotated[dict[str, str], NoDecode, BeforeValidator(_split)] = Field(default_factory=dict)
    connect_seconds: float = Field(1, gt=0, allow_inf_nan=False)
    timeout_seconds: float = Field(5, gt=0, allow_inf_nan=False)
    """Limit of one call in seconds, from connecting to the last byte of the response."""
    max_response_bytes: int = Field(16_777_216, ge=0)
    """Limit of the body in bytes, before and after decoding."""
    max_connections: int = Field(100, ge=1)
    ca_files: NamedFiles = Field(default_factory=dict)
    """Certificates in PEM of the CAs that a dependency is trusted by, instead of those of the system."""
    certificate_files: NamedFiles = Field(default_factory=dict)
    """The certificate in PEM that this service shows to a dependency."""
    key_files: NamedFiles = Field(default_factory=dict)
    """The keys of `certificate_files`, if they are in files of their own."""
    balancing: Annotated[Algorithm, BeforeValidator(_lower)] = "weighted_round_robin"
    """How the instance of a call is chosen."""
    discovery_seconds: float = Field(10, ge=1, le=3600, allow_inf_nan=False)
    """Between two lookups at most; records with a shorter TTL are looked up earlier."""
    discovery_stale_seconds: float = Field(86_400, ge=1, allow_inf_nan=False)
    """For so long, the instances of the last answer are used while lookups fail."""
    consul_token_file: Path | None = None
    """A file with the token for Consul. It is read for each request."""
    registration: Annotated[str, AfterValidator(_registration)] = ""
    """Where this instance is registered: `consul://localhost:8500/links`."""
    http_proxy: ProxyUrl | None = Field(None, validation_alias="http_proxy")
    https_proxy: ProxyUrl | None = Field(None, validation_alias="https_proxy")
    all_proxy: ProxyUrl | None = Field(None, validation_alias="all_proxy")
    no_proxy: str = Field("", validation_alias="no_proxy")

    @property
    def proxies(self) -> Proxies:
        """The proxies of the environment."""
        given = {scheme: getattr(self, f"{scheme}_proxy") or self.all_proxy for scheme in SCHEMES}
        urls = {scheme: url.get_secret_value() for scheme, url in given.items() if url is not None}
        return Proxies(urls, self.no_proxy)
