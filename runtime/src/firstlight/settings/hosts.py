"""The type of settings that list hosts: names, `*.` and a name for all names below it, addresses, or `*` for all."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

ALL = "*"
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def _hosts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(_host(part) for part in filter(None, map(str.strip, value.split(",")))))


def _host(part: str) -> str:
    host = part.lower().removesuffix(".")
    if host == ALL or _NAME.fullmatch(host):
        return host
    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        msg = f"must be a list of host names without a port, such as api.example.com,*.example.com, not {part[:64]!r}"
        raise ValueError(msg) from None


Hosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)]
