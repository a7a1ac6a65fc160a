"""TLS to a PostgreSQL server: DATABASE_TLS and DATABASE_TLS_CA_FILE.

`verify` checks that a trusted CA signed the server's certificate, and that it names the host of the URL. `encrypt`
checks neither: it keeps out who listens, not who answers in the server's place. Both refuse a server without TLS.
"""

import ssl
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from ...errors import SettingsError
from .addresses import is_local
from .file_stamp import Stamp, stamp

Mode = Literal["auto", "verify", "encrypt", "off"]

UNTRUSTED = "The certificate of the database server is not trusted ({}). DATABASE_TLS_CA_FILE names the file of its CA."
WITHOUT_TLS = (
    "The database server does not accept TLS. Switch TLS on there; DATABASE_TLS=off connects without encryption."
)
REFUSED = "TLS with the database server failed ({})."


def mode(url: URL, given: Mode) -> Mode:
    """The mode for a server: `given`; for `auto`, `off` on this machine and `verify` elsewhere."""
    if given != "auto":
        return given
    return "off" if is_local(url) else "verify"


class Tls:
    """The TLS of the connections to one server."""

    def __init__(self, given: Mode, ca_file: Path | None = None) -> None:
        """Trust the CAs in `ca_file`, else those of the system. Raises `SettingsError` if the file has none."""
        self._given = given
        self._ca_file = ca_file
        self._stamp: Stamp | None = None
        self._verified: ssl.SSLContext | None = None
        try:
            if ca_file is not None:
                self._verifying()
        except OSError as error:  # `SSLError` is one
            reason = "it has none" if isinstance(error, ssl.SSLError) else error.strerror
            msg = f"DATABASE_TLS_CA_FILE must be a readable file with certificates in PEM, not '{ca_file}': {reason}"
            raise SettingsError(msg) from None

    def context(self, url: URL) -> ssl.SSLContext | Literal[False]:
        """The argument `ssl` of `asyncpg.connect`. A CA file that was replaced is read again.

        Raises `OSError` while the file cannot be read.
        """
        wanted = mode(url, self._given)
        if wanted == "off":
            return False
        return self._verifying() if wanted == "verify" else _encrypting()

    def _verifying(self) -> ssl.SSLContext:
        found = None if self._ca_file is None else stamp(self._ca_file)
        if self._verified is None or found != self._stamp:
            self._verified, self._stamp = ssl.create_default_context(cafile=self._ca_file), found
        return self._verified


def _encrypting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def reason(error: BaseException) -> str | None:
    """Why TLS failed, if `error` is about TLS: a sentence that names the variable to change."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UNTRUSTED.format(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return REFUSED.format(error.reason or "no reason given")
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return WITHOUT_TLS
    return None
