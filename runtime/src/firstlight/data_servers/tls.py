"""TLS to a server that keeps data.

`verify` checks that a trusted CA signed the server's certificate, and that it names the host of the URL. `encrypt`
checks neither: it keeps out who listens, not who answers in the server's place. Both refuse a server without TLS.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import SettingsError
from .file_stamp import Stamp, stamp

Mode = Literal["auto", "verify", "encrypt", "off"]


@dataclass(frozen=True, slots=True)
class Words:
    """How sentences call a server and its variables."""

    server: str
    """Such as `database server`."""
    tls: str
    """The variable of the mode."""
    ca_file: str
    """The variable of the file with the trusted CAs."""


def mode(given: Mode, *, is_local: bool) -> Mode:
    """The mode for a server: `given`; for `auto`, `off` on this machine and `verify` elsewhere."""
    if given != "auto":
        return given
    return "off" if is_local else "verify"


class Tls:
    """The TLS of the connections to one server."""

    def __init__(self, given: Mode, ca_file: Path | None, words: Words) -> None:
        """Trust the CAs in `ca_file`, else those of the system. Raises `SettingsError` if the file has none."""
        self._given = given
        self._ca_file = ca_file
        self._stamp: Stamp | None = None
        self._verified: ssl.SSLContext | None = None
        try:
            if ca_file is not None:
                self._verifying()
        except OSError as error:  # `SSLError` is one
            why = "it has none" if isinstance(error, ssl.SSLError) else error.strerror
            msg = f"{words.ca_file} must be a readable file with certificates in PEM, not '{ca_file}': {why}"
            raise SettingsError(msg) from None

    def context_for(self, *, is_local: bool) -> ssl.SSLContext | None:
        """The context for connections to a server, or None for plain text. A CA file that was replaced is read again.

        Raises `OSError` while the file cannot be read.
        """
        wanted = mode(self._given, is_local=is_local)
        if wanted == "off":
            return None
        return self._verifying() if wanted == "verify" else _encrypting()

    def _verifying(self) -> ssl.SSLContext:
        found = None if self._ca_file is None else stamp(self._ca_file)
        if self._verified is None or found != self._stamp:
            self._verified, self._stamp = _modern(ssl.create_default_context(cafile=self._ca_file)), found
        return self._verified


def _encrypting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _modern(context)


def _modern(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, for TLS 1.2 and later: Debian's Python leaves that to OpenSSL's configuration."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def reason(error: BaseException, words: Words) -> str | None:
    """Why TLS failed, if `error` is about TLS: a sentence that names the variable to change."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of the {words.server} is not trusted ({error.verify_message}). "
            f"{words.ca_file} names the file of its CA."
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS with the {words.server} failed ({error.reason or 'no reason given'})."
    return None
