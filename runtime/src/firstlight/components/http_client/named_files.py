"""Variables that name a file, or a proxy, for dependencies."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from .discovery.options import SCHEMES


def _files(value: object) -> object:
    """Parse `screening=/etc/tls/a.pem,billing=/etc/tls/b.pem` into a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
    if not all(name.isidentifier() and path.startswith("/") for name, _, path in pairs):
        msg = "must be a list of name=path, such as screening=/etc/tls/screening.pem,billing=/etc/tls/billing.pem"
        raise ValueError(msg)
    files = {name: Path(path) for name, _, path in pairs}
    if len(files) < len(pairs):
        msg = "must name each dependency once"
        raise ValueError(msg)
    return files


def _proxy(value: object) -> object:
    """Accept `proxy:3128`, as other programs do."""
    if not isinstance(value, str):
        return value
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        msg = "must be the URL of an HTTP proxy, such as http://proxy.example:3128"
        raise ValueError(msg)
    return url


NamedFiles = Annotated[dict[str, Path], NoDecode, BeforeValidator(_files)]
ProxyUrl = Annotated[SecretStr, BeforeValidator(_proxy)]
