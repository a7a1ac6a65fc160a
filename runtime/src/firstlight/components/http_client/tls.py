"""TLS with dependencies: the certificates that are trusted, and the one that this service shows.

Files that are replaced are read again when the next connection is opened.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx2
import structlog

from ...errors import SettingsError
from .settings import HttpClientSettings

log = structlog.get_logger()

Stamp = tuple[tuple[int, int, int], ...]


class Tls:
    """The TLS context of one dependency."""

    def __init__(self, dependency: str, ca: Path | None, certificate: Path | None, key: Path | None) -> None:
        """Read the files in PEM. Raises `SettingsError` if they cannot be used."""
        self._dependency, self._ca, self._certificate, self._key = dependency, ca, certificate, key
        self._files = [file for file in (ca, certificate, key) if file is not None]
        self._stamp = self._stamped()
        try:
            self.context = httpx2.create_ssl_context() if ca is None else ssl.create_default_context(cafile=ca)
            self._show()
        except (OSError, ValueError) as error:  # `SSLError` is an OSError
            variable = "HTTP_CLIENT_CERTIFICATE_FILES and HTTP_CLIENT_KEY_FILES" if self._reads_ca() else CA_FILES
            reason = "they do not fit" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", error)
            msg = f"{variable} must name readable files in PEM for {dependency}: {reason}"
            raise SettingsError(msg) from None
