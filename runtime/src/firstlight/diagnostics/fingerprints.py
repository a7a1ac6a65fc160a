"""The settings of the process as names, sources and hashes: two instances can be compared without their values."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from ..effective import parts
from ..service import Service

HASH_CHARACTERS = 4  # 16 bits: enough to see that two instances differ, too few to guess a weak secret by


def fingerprints(service: Service, key: bytes) -> Mapping[str, Any]:
    """Every setting: `{"items": [{"part", "variable", "source", "hash"}]}`. What is not set has no hash.

    Hashes can be compared between instances with the same `key`.
    """

    def digest(value: str) -> str:
        return hmac.new(key, value.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]

    return {
        "items": [
            {"part": part.title, "variable": each.variable, "source": each.source, "hash": each.digest}
            for part in parts(service, {}, digest)
            for each in part.settings
        ]
    }
