"""`DATABASE_*`: where the database is, and the limits of its use."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL

from ...errors import SettingsError
from ...settings import DEVELOPMENT, Settings
from . import addresses
from .tls import Tls
from .url_file import UrlFile


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
OfServer = Annotated[float, Field(ge=0.001, le=3600, allow_inf_nan=False)]
"""Seconds that the server is told in milliseconds: it reads 0 as no limit."""


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
    statement_seconds: OfServer = 5
    transaction_seconds: OfServer = 10
    attempts: int = Field(3, ge=1, le=10)
    """How often a transaction is begun at most, with the first time."""
    slow_seconds: Seconds = 0.25
    slow_plans: bool = False
    instances: int = Field(1, ge=1, le=100_000)
    """How many instances share the server, for the comparison of pools with its connections."""

    @property
    def address(self) -> URL:
        """The URL of the primary. Raises `SettingsError` if the file cannot be used."""
        if self.url_file is not None:
            return UrlFile(self.url_file, addresses.parse).address
        return addresses.parse(self.url.get_secret_value().strip() or addresses.DEFAULT)

    @property
    def replicas(self) -> list[URL]:
        """The URLs of the replicas."""
        return [addresses.parse(url.get_secret_value()) for url in self.replica_urls]


def verify(settings: DatabaseSettings, service: Settings) -> None:
    """Raise `SettingsError` for settings that do not fit together, or not to the environment."""
    if settings.url_file is not None and settings.url.get_secret_value():
        msg = "DATABASE_URL and DATABASE_URL_FILE are both set; set only one of them"
        raise SettingsError(msg)
    address = settings.address
    if _is_sqlite(address):
        _verify_place(Path(address.database or ""))
    Tls(settings.tls, settings.tls_ca_file)
    if settings.replica_urls and any(map(_is_sqlite, (address, *settings.replicas))):
        msg = "DATABASE_REPLICA_URLS must be URLs of PostgreSQL, as that of their primary, DATABASE_URL"
        raise SettingsError(msg)
    is_written = settings.url_file is not None or settings.url.get_secret_value().strip()
    if not is_written and service.environment != DEVELOPMENT:
        msg = f"DATABASE_URL is missing; in {service.environment} it {addresses.MUST}"
        raise SettingsError(msg)


def _verify_place(file: Path) -> None:
    """Raise `SettingsError` where SQLite cannot make or open its file. No wait changes that."""
    folder = file.absolute().parent
    if file.is_dir():
        reason = f"'{file}' is a folder"
    elif not folder.is_dir():
        reason = f"there is no folder '{folder}'"
    elif not os.access(file if file.exists() else folder, os.W_OK):
        reason = f"'{file}' cannot be written"
    else:
        return
    msg = f"DATABASE_URL must name a file for SQLite that can be written, or one that can be made: {reason}"
    raise SettingsError(msg)


def _is_sqlite(url: URL) -> bool:
    return addresses.system_of(url) == addresses.SQLITE
