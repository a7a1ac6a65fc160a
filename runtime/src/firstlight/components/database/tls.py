"""TLS to a PostgreSQL server: DATABASE_TLS and DATABASE_TLS_CA_FILE.

`verify` checks that a trusted CA signed the server's certificate, and that it names the host of the URL. `encrypt`
checks neither: it keeps out who listens, not who answers in the server's place. Both refuse a server without TLS.
"""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from ...errors import SettingsError
from .file_stamp import Stamp, stamp

Mode = Literal["verify", "encrypt", "off"]

UNTRUSTED = "The certificate of the database server is not trusted ({}). DATABASE_TLS_CA_FILE names the file of its CA."
WITHOUT_TLS = (
    "The database server does not accept TLS. Switch TLS on there; DATABASE_TLS=off connects without encryption."
)
REFUSED = "TLS with the database server failed ({})."


def is_local(host: str | None) -> bool:
    """Whether nothing leaves the machine: a socket (no host, or a path) or a loopback address."""
    if not host or host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def mode(host: str | None, given: Mode | None = None) -> Mode:
    """The mode for a host: `given`, else `verify` for a remote host and `off` for a local one."""
    return given or ("off" if is_local(host) else "verify")


class Tls:
    """The TLS of one server's connections."""

    def __init__(self, mode: Mode, ca_file: Path | None = None) -> None:
        """Trust the CAs in `ca_file`, else those of the system. Raises `SettingsError` if the file has none."""
        self._mode = mode
        self._ca_file = ca_file
        self._stamp: Stamp | None = None
        self._context: ssl.SSLContext | None = None
        try:
            self.context()
        except OSError as error:  # `SSLError` is one
            reason = error.strerror if error.filename or not isinstance(error, ssl.SSLError) else "it has none"
            msg = f"DATABASE_TLS_CA_FILE must be a readable file of certificates in PEM ({reason}), not '{ca_file}'"
            raise SettingsError(msg) from None

    def context(self) -> ssl.SSLContext | Literal[False]:
        """The argument `ssl` of `asyncpg.connect`. A CA file that was replaced is read again.

        Raises `OSError` while the file cannot be read.
        """
        if self._mode == "off":
            return False
        found = stamp(self._ca_file) if self._ca_file is not None and self._mode == "verify" else None
        if self._context is None or found != self._stamp:
            self._context, self._stamp = self._made(), found
        return self._context

    def _made(self) -> ssl.SSLContext:
        if self._mode == "verify":
            return ssl.create_default_context(cafile=self._ca_file)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


def sentence(error: BaseException) -> str | None:
    """Why TLS failed, if `error` is about TLS. Without anything secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UNTRUSTED.format(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return REFUSED.format(error.reason or "no reason given")
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return WITHOUT_TLS
    return None
