"""The type of the setting whose value opens the development console."""

import re
from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, SecretStr

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The management addresses at which the console is served, which are also the hosts that its requests may name."""
_PACKAGE = f"{__package__.rpartition('.')[0]}.console"
_TOKEN = re.compile(r"[0-9a-f]{32,128}")  # 128 bits and more, and nothing that a URL has to escape


def _token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        msg = "must be 32 to 128 random digits and letters from a to f, as `make run` sets it"
        raise ValueError(msg)
    return token


def is_installed() -> bool:
    """Whether this installation has the console. Images leave it out."""
    return find_spec(_PACKAGE) is not None


ConsoleToken = Annotated[SecretStr, AfterValidator(_token)]
