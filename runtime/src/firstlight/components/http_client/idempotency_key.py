"""Keys that make a call repeatable: the dependency does the work once, however often the call arrives."""

import hashlib
import secrets
from collections.abc import Mapping

KEY_BYTES = 16


def idempotency_key(*parts: str) -> Mapping[str, str]:
    """The header `Idempotency-Key` for one call: `await client.post(..., headers=idempotency_key())`.

    Without `parts` the key is new, and the same for the retries of the call only. With `parts` it is the same for the
    same parts, also in another process, such as the key of the request in progress and the name of the step. The parts
    cannot be read from the key.
    """
    if not parts:
        return {"Idempotency-Key": secrets.token_hex(KEY_BYTES)}
    told = b"".join(len(part.encode()).to_bytes(8) + part.encode() for part in parts)
    return {"Idempotency-Key": hashlib.sha256(told).hexdigest()[: 2 * KEY_BYTES]}
