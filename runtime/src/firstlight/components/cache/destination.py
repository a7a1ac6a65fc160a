"""Where connections go: the address of now, which a file may change, and its TLS."""

import ssl
from functools import partial
from pathlib import Path

import structlog

from ...data_servers import AddressError, UrlFile
from . import addresses
from .addresses import Address
from .settings import CacheSettings
from .tls import tls

log = structlog.get_logger()


class Destination:
    """Of one server."""

    def __init__(self, settings: CacheSettings, address: Address) -> None:
        """`address` is that of the start. Raises `SettingsError` if a file cannot be used."""
        self._address, self.connect_seconds = address, settings.redis_connect_seconds
        self._tls = tls(settings.redis_tls, settings.redis_tls_ca_file)
        file = settings.redis_url_file
        self._file = None if file is None else UrlFile(file, partial(_parsed, settings), "REDIS_URL_FILE", _refused)

    @property
    def address(self) -> Address:
        """The address of now."""
        return self._address if self._file is None else self._file.address

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The context of the next connection, or None for plain text. Raises `OSError` if a file cannot be read."""
        return self._tls.context_for(is_local=self.address.is_local)

    def has_changed(self) -> bool:
        """Whether the address is another one than at the last call, or at the start."""
        return self._file is not None and self._file.has_changed()


def _parsed(settings: CacheSettings, text: str) -> Address:
    """The address of a URL. Raises `AddressError`, also if it asks for the TLS that a variable switches off."""
    address = addresses.parse(text)
    if address.encrypted and settings.redis_tls == "off":
        msg = "must be redis://... while REDIS_TLS is off"
        raise AddressError(msg)
    return address


def _refused(file: Path, reason: str) -> None:
    log.warning("cache.address_refused", file=str(file), reason=reason)
