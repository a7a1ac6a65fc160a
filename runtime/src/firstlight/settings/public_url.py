"""The type of the setting that says how clients reach the service."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_NOT_IN_IT = frozenset('@?# "<>\\^`{|}')


def _public_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or not url.isprintable() or _NOT_IN_IT & {*url}:
        msg = "must be the URL that clients use, such as https://api.example.com, without user, query and fragment"
        raise ValueError(msg)
    return url.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_public_url)]
