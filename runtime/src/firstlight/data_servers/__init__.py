"""What the components share that keep data in a server: its address in a file, TLS, and what this machine is."""

from .causes import chain
from .log_limit import LogLimit
from .this_machine import is_of_this_machine
from .tls import Mode, Tls, Words, mode, reason
from .url_file import AddressError, UrlFile

__all__ = [
    "AddressError",
    "LogLimit",
    "Mode",
    "Tls",
    "UrlFile",
    "Words",
    "chain",
    "is_of_this_machine",
    "mode",
    "reason",
]
