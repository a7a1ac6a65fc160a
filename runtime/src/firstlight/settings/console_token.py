"""The type of the setting whose value opens the development console."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The management addresses at which the console is served, which are also the hosts that its requests may name."""
_TOKEN = re.compile(r"[0-9a-f]{32,128}")  # 128 bits and more, and nothing that a URL has to escape


def _token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        msg = "must be 32 to 128 random digits and letters from a to f, as `make run` sets it"
        raise ValueError(msg)
    return token


ConsoleToken = Annotated[SecretStr, AfterValidator(_token)]
