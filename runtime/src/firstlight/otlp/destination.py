"""Where a signal is sent and how, as the `OTEL_EXPORTER_OTLP_*` variables say; those of the signal come first."""

import gzip
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import structlog

from ..exchanges.route import trust
from ..settings import Settings
from ..settings.opentelemetry import Signal
from ..settings.values import headers

log = structlog.get_logger()

_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@dataclass(frozen=True, slots=True)
class Destination:
    """A collector that speaks OTLP over HTTP."""

    signal: Signal
    url: str
    headers: Mapping[str, str]
    context: ssl.SSLContext | None
    compress: Callable[[bytes], bytes] | None
    seconds: float
    """For one export with all its attempts."""

    @classmethod
    def of(cls, settings: Settings, signal: Signal = "traces") -> Self:
        """The destination that the settings name for this signal."""
        url = settings.own("endpoint", signal)
        url = url or f"{(settings.otel_exporter_otlp_endpoint or '').removesuffix('/')}/v1/{signal}"
        compression = settings.otlp("compression", signal)
        ours = {"content-type": "application/x-protobuf", "user-agent": "OTel-OTLP-Exporter-Python/firstlight"}
        if compression != "none":
            ours["content-encoding"] = compression
        return cls(
            signal=signal,
            url=url,
            headers=headers(settings.otlp("headers", signal).get_secret_value()) | ours,
            context=_context(settings, signal) if urlsplit(url).scheme == "https" else None,
            compress=_COMPRESS.get(compression),
            seconds=settings.export_milliseconds(signal) / 1000,
        )


def _context(settings: Settings, signal: Signal) -> ssl.SSLContext:
    """TLS with the certificate files in the settings. A file that cannot be read is ignored with a warning."""
    names = ("certificate", "client_certificate", "client_key")
    certificate, client, key = (settings.otlp(name, signal) for name in names)
    context = _trust(certificate)
    if client:
        try:
            context.load_cert_chain(client, key or None, password="")
        except (OSError, ValueError) as error:
            _ignored("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", error, "none is shown")
    return context


def _trust(certificate: str) -> ssl.SSLContext:
    try:
        return trust(certificate)
    except (OSError, ValueError) as error:
        named = "OTEL_EXPORTER_OTLP_CERTIFICATE" if certificate else "REQUESTS_CA_BUNDLE"
        _ignored(named, error, "what the system trusts is trusted")
        return ssl.create_default_context()


def _ignored(name: str, error: Exception, instead: str) -> None:
    reason = f"cannot be read: {error}"
    log.warning("settings.variable_ignored", variable=name, reason=reason, instead=instead)
