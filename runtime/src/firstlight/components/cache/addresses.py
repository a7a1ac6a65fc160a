"""Addresses of Redis servers: the URLs that operators write."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ...data_servers import AddressError, is_of_this_machine

MUST = "must be redis://user:password@host:6379/0, or rediss://... for TLS"
PORT = 6379
HOST, NUMBER = re.compile(r"[^\s%/]+"), re.compile(r"[0-9]{1,6}")
SCHEMES = {"redis": False, "rediss": True}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and who we are there."""

    host: str
    port: int
    database: int
    encrypted: bool
    """Whether the URL asks for TLS."""
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """Whether plain text is the default: the server is this machine, and the URL does not ask for TLS."""
        return is_of_this_machine(self.host) and not self.encrypted


def parse(text: str) -> Address:
    """The address of a URL. Raises `AddressError`, whose text does not contain the password."""
    try:
        url = urlsplit(text.strip())
        port = PORT if url.port is None else url.port
        user, password = (unquote(each or "", errors="strict") for each in (url.username, url.password))
    except ValueError:
        raise AddressError(MUST) from None
    number = url.path.strip("/") or "0"
    is_one = url.scheme in SCHEMES and HOST.fullmatch(url.hostname or "") and port and NUMBER.fullmatch(number)
    if not is_one or url.hostname is None:
        raise AddressError(MUST)
    if url.query or url.fragment:
        msg = "must have no options; REDIS_TLS, REDIS_CONNECT_SECONDS and others are variables"
        raise AddressError(msg)
    return Address(url.hostname, port, int(number), SCHEMES[url.scheme], user, password)
