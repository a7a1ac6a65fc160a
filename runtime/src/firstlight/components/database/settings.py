"""`DATABASE_*`: where the database is, and the limits of its use."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL

from ...data_servers import written_url
from ...errors import SettingsError
from ...settings import DEVELOPMENT, Settings
from . import addresses
from .tls import Tls


def _address(value: object) -> object:
    if isinstance(value, str) and value.strip():
        addresses.parse(value)
    return value


def _addresses(value: object) -> object:
    """Parse a list of URLs, separated by commas."""
    if not isinstance(value, str):
        return value
    urls = [part.strip() for part in value.split(",") if part.strip()]
    for url in urls:
        addresses.parse(url)
    return urls


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Secret = Annotated[SecretStr, BeforeValidator(_address)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class DatabaseSettings(BaseSettings):
    """`DATABASE_*`. Without a URL, development uses the file `database.sqlite3` in the working directory."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="database_", env_ignore_empty=True)

    url: Secret = SecretStr("")
    url_file: Path | None = None
    """A file with the URL. It is read again when it changes."""
    replica_urls: Annotated[list[SecretStr], NoDecode, BeforeValidator(_addresses)] = Field(default_factory=list)
    balancing: Annotated[Literal["round_robin", "random", "least_connections", "fastest"], BeforeValidator(_lower)] = (
        "round_robin"
    )
    tls: Annotated[Literal["auto", "verify", "encrypt", "off"], BeforeValidator(_lower)] = "auto"
    """`auto` verifies the server's certificate unless the server is this machine."""
    tls_ca_file: Path | None = None
    """Certificates in PEM of the CAs that are trusted, instead of those of the system."""
    replica_lag_seconds: Seconds = 10
    """A replica that is further behind its primary gets no reads."""
    pool_size: int = Field(10, ge=1, le=1000)
    """Connections to each server at most, for each instance."""
    pool_wait_seconds: Seconds = 1
    connect_seconds: Seconds = 2
    statement_seconds: Seconds = 5
    transaction_seconds: Seconds = 10
    attempts: int = Field(3, ge=1, le=10)
    """How often a transaction is begun at most, with the first time."""
    slow_seconds: Seconds = 0.25
    slow_plans: bool = False
    instances: int = Field(1, ge=1)
    """How many instances share the server, for the comparison of pools with its connections."""

    @property
    def address(self) -> URL:
        """The URL of the primary. Raises `ValueError` if the file cannot be used."""
        return addresses.parse(self.written or addresses.DEFAULT)

    @property
    def written(self) -> str:
        """The URL as it was written; nothing without one. Raises `ValueError` if the file cannot be read."""
        return written_url(self.url.get_secret_value(), self.url_file)

    @property
    def replicas(self) -> list[URL]:
        """The URLs of the replicas."""
        return [addresses.parse(url.get_secret_value()) for url in self.replica_urls]


def verify(settings: DatabaseSettings, service: Settings) -> None:
    """Raise `SettingsError` for settings that do not fit together, or not to the environment."""
    if settings.url_file is not None and settings.url.get_secret_value():
        msg = "DATABASE_URL and DATABASE_URL_FILE are both set; set only one of them"
        raise SettingsError(msg)
    try:
        written = settings.written
        if settings.url_file is not None:
            addresses.parse(written)
    except ValueError as error:
        msg = f"DATABASE_URL_FILE {error}"
        raise SettingsError(msg) from None
    Tls(settings.tls, settings.tls_ca_file)
    if settings.replica_urls and any(map(_is_sqlite, (settings.address, *settings.replicas))):
        msg = "DATABASE_REPLICA_URLS must be URLs of PostgreSQL, as that of their primary, DATABASE_URL"
        raise SettingsError(msg)
    if not written and service.environment != DEVELOPMENT:
        msg = f"DATABASE_URL is missing; in {service.environment} it {addresses.MUST}"
        raise SettingsError(msg)


def _is_sqlite(url: URL) -> bool:
    return addresses.system_of(url) == addresses.SQLITE
