"""TLS to a PostgreSQL server: DATABASE_TLS and DATABASE_TLS_CA_FILE."""

import ssl
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from ...data_servers import Mode, Words, tls
from .addresses import is_local

WORDS = Words("database server", "DATABASE_TLS", "DATABASE_TLS_CA_FILE")
WITHOUT_TLS = (
    "The database server does not accept TLS. Switch TLS on there; DATABASE_TLS=off connects without encryption."
)


def mode(url: URL, given: Mode) -> Mode:
    """The mode for a server: `given`; for `auto`, `off` on this machine and `verify` elsewhere."""
    return tls.mode(given, is_local=is_local(url))


class Tls(tls.Tls):
    """The TLS of the connections to one server."""

    def __init__(self, given: Mode, ca_file: Path | None = None) -> None:
        """Trust the CAs in `ca_file`, else those of the system. Raises `SettingsError` if the file has none."""
        super().__init__(given, ca_file, WORDS)

    def context(self, url: URL) -> ssl.SSLContext | Literal[False]:
        """The argument `ssl` of `asyncpg.connect`. A CA file that was replaced is read again.

        Raises `OSError` while the file cannot be read.
        """
        return self.context_for(is_local=is_local(url)) or False


def reason(error: BaseException) -> str | None:
    """Why TLS failed, if `error` is about TLS: a sentence that names the variable to change."""
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return WITHOUT_TLS
    return tls.reason(error, WORDS)
