"""Where spans are sent and how, as the `OTEL_EXPORTER_OTLP_*` variables say; those for traces come first."""

import gzip
import os
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

import structlog

from ..exchanges.route import trust
from ..settings import Settings

log = structlog.get_logger()

_PATH = "/v1/traces"
_PREFIXES = ("OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_")
_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@dataclass(frozen=True, slots=True)
class Destination:
    """A collector that speaks OTLP over HTTP."""

    url: str
    headers: Mapping[str, str]
    context: ssl.SSLContext | None
    compress: Callable[[bytes], bytes] | None
    seconds: float
    """For one export with all its attempts."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say; headers and certificates come from the environment."""
        whole = settings.otel_exporter_otlp_traces_endpoint
        url = whole or f"{(settings.otel_exporter_otlp_endpoint or '').removesuffix('/')}{_PATH}"
        compression = _chosen(settings, "compression")
        headers = {"content-type": "application/x-protobuf", "user-agent": "OTel-OTLP-Exporter-Python/firstlight"}
        if compression != "none":
            headers["content-encoding"] = compression
        return cls(
            url=url,
            headers=headers | _headers(_variable("HEADERS")),
            context=_context() if urlsplit(url).scheme == "https" else None,
            compress=_COMPRESS.get(compression),
            seconds=float(_chosen(settings, "timeout")),
        )


def _chosen(settings: Settings, name: str) -> str:
    """The value for traces where it is set, else the one for all signals."""
    own = f"otel_exporter_otlp_traces_{name}"
    return str(getattr(settings, own if own in settings.model_fields_set else f"otel_exporter_otlp_{name}"))


def _variable(name: str) -> str:
    return next(filter(None, (os.environ.get(prefix + name) for prefix in _PREFIXES)), "")


def _context() -> ssl.SSLContext:
    return trust(_variable("CERTIFICATE"), _variable("CLIENT_CERTIFICATE"), _variable("CLIENT_KEY"))


def _headers(text: str) -> dict[str, str]:
    """`name=value,name=value`, percent-encoded. What cannot be read may be a secret, so it is not repeated."""
    found = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, equals, value = pair.partition("=")
        name, value = unquote(name).strip().lower(), unquote(value).strip()
        if equals and name.isascii() and name.replace("-", "").replace("_", "").isalnum() and value.isprintable():
            found[name] = value
        else:
            log.warning("telemetry.header_ignored", variable="OTEL_EXPORTER_OTLP_HEADERS", reason="must be name=value")
    return found
