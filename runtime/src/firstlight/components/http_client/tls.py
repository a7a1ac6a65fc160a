"""TLS with one dependency: the certificates that it trusts, and the one that this service shows.

Files that were replaced are read again when the next connection is opened.
"""

import ssl
from pathlib import Path

import httpx2
import structlog

from ...data_servers.file_stamp import Stamp, stamp
from ...errors import SettingsError

CA_FILES, CERTIFICATE_FILES, KEY_FILES = (
    "HTTP_CLIENT_CA_FILES",
    "HTTP_CLIENT_CERTIFICATE_FILES",
    "HTTP_CLIENT_KEY_FILES",
)

log = structlog.get_logger()


class Tls:
    """The TLS of the connections to one dependency."""

    def __init__(self, dependency: str, ca: Path | None, certificate: Path | None, key: Path | None) -> None:
        """Read the files in PEM. `key` is in the file of the certificate if it is None.

        Raises `SettingsError` for files that cannot be used.
        """
        self._dependency, self._ca, self._certificate, self._key = dependency, ca, certificate, key
        self._stamps: list[Stamp] = []
        self.context = self._trusting()
        try:
            self._stamps = self._stamped()
            self._show()
        except OSError as error:  # `SSLError` is one
            reason = "they are no pair" if isinstance(error, ssl.SSLError) else error.strerror
            msg = (
                f"{CERTIFICATE_FILES} and {KEY_FILES} must name readable files in PEM, a certificate and its key, for "
                f"{dependency}, not '{certificate}' and '{key or certificate}': {reason}"
            )
            raise SettingsError(msg) from None

    def refresh(self) -> None:
        """Read files again that were replaced. If they cannot be used, what was read before stays."""
        try:
            stamps = self._stamped()
            if stamps == self._stamps:
                return
            self._stamps = stamps
            if self._ca is not None:
                self.context.load_verify_locations(cafile=self._ca)
            self._show()
        except OSError as error:
            log.warning("http_client.certificate_refused", dependency=self._dependency, reason=str(error))

    def _trusting(self) -> ssl.SSLContext:
        try:
            return httpx2.create_ssl_context() if self._ca is None else ssl.create_default_context(cafile=self._ca)
        except OSError as error:
            reason = "it has none" if isinstance(error, ssl.SSLError) else error.strerror
            msg = (
                f"{CA_FILES} must name a readable file with certificates in PEM for {self._dependency}, not "
                f"'{self._ca}': {reason}"
            )
            raise SettingsError(msg) from None

    def _show(self) -> None:
        if self._certificate is not None:
            self.context.load_cert_chain(self._certificate, self._key, password=lambda: "")  # no question on a terminal

    def _stamped(self) -> list[Stamp]:
        return [stamp(file) for file in (self._ca, self._certificate, self._key) if file is not None]
