"""What the settings say about hosts, origins and https, as the parts that act on it."""

from dataclasses import dataclass
from typing import Self

from starlette.types import ASGIApp

from ..settings import DEVELOPMENT, Settings
from .addresses import parsed
from .gate import Gate
from .hosts import LocalHosts, TrustedHosts
from .origins import Origins
from .response_headers import ResponseHeaders


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection of one service."""

    hosts: TrustedHosts | None
    origins: Origins | None
    https_only: bool
    headers: ResponseHeaders

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Without `TRUSTED_HOSTS` all hosts are served, except in development on a loopback address."""
        hosts = TrustedHosts(settings.trusted_hosts) if settings.trusted_hosts else None
        if hosts is None and settings.environment == DEVELOPMENT and _is_loopback(settings.host):
            hosts = LocalHosts()
        origins = None
        if settings.cors_origins:
            origins = Origins(settings.cors_origins, credentials=settings.cors_credentials)
        return cls(hosts, origins, settings.https_only, ResponseHeaders(settings.hsts_seconds, origins))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, which gets only requests that may be served."""
        return Gate(app, self.hosts, self.origins, https_only=self.https_only)


def _is_loopback(host: str) -> bool:
    address = parsed(host)
    return host == "localhost" if address is None else address.is_loopback
