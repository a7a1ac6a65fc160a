"""`REDIS_*` and `CACHE_*`: where the shared level is, and the limits of both levels."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ...data_servers import Mode, UrlFile
from ...errors import SettingsError
from ...settings import Settings
from . import addresses
from .addresses import Address
from .tls import tls


def _address(value: object) -> object:
    if isinstance(value, str) and value.strip():
        addresses.parse(value)
    return value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class CacheSettings(BaseSettings):
    """`REDIS_*` and `CACHE_*`. Without a URL, each instance has a cache of its own in its memory."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    redis_url: Annotated[SecretStr, BeforeValidator(_address)] = SecretStr("")
    redis_url_file: Path | None = None
    """A file with the URL. It is read again when it changes."""
    redis_tls: Annotated[Mode, BeforeValidator(_lower)] = "auto"
    """`auto` verifies the server's certificate unless the server is this machine."""
    redis_tls_ca_file: Path | None = None
    """Certificates in PEM of the CAs that are trusted, instead of those of the system."""
    redis_pool_size: int = Field(20, ge=1, le=1000)
    """Connections to the server at most, for each instance."""
    redis_connect_seconds: Seconds = 0.5
    redis_call_seconds: Seconds = 0.25
    """Limit of one call, with the wait for a connection."""
    cache_memory_bytes: int = Field(33_554_432, ge=65_536)
    """Limit of what the entries in memory take, about."""
    cache_memory_entries: int = Field(50_000, ge=1)
    cache_entry_bytes: int = Field(1_048_576, ge=1024)
    """A larger entry is not kept."""
    cache_drift_seconds: float = Field(2, ge=0.5, le=60, allow_inf_nan=False)
    """How long memory may keep an entry that another instance has changed, while Redis cannot say so."""

    @property
    def address(self) -> Address | None:
        """The address of the server, or None without one. Raises `SettingsError` if the file cannot be used."""
        if self.redis_url_file is not None:
            return UrlFile(self.redis_url_file, addresses.parse, "REDIS_URL_FILE").address
        url = self.redis_url.get_secret_value().strip()
        return addresses.parse(url) if url else None


def verify(settings: CacheSettings, service: Settings) -> None:
    """Raise `SettingsError` for settings that do not fit together."""
    del service
    if settings.redis_url_file is not None and settings.redis_url.get_secret_value():
        msg = "REDIS_URL and REDIS_URL_FILE are both set; set only one of them"
        raise SettingsError(msg)
    address = settings.address
    if address is not None and address.encrypted and settings.redis_tls == "off":
        msg = "REDIS_TLS is off, and the URL of Redis asks for TLS: write redis://, or another REDIS_TLS"
        raise SettingsError(msg)
    tls(settings.redis_tls, settings.redis_tls_ca_file)
