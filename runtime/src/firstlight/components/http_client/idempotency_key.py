"""Keys that make a call repeatable: the dependency does the work once, however often the call arrives."""

import hashlib
import secrets
from collections.abc import Mapping

KEY_BYTES = 16


def idempotency_key(*parts: str | None) -> Mapping[str, str]:
    """The header `Idempotency-Key` for one call: `await client.post(..., headers=idempotency_key())`.

    Without `parts` the key is new, and the same for the retries of the call only. With `parts` it is the same for the
    same parts, also in another process: the caller, the key of the request in progress and the name of the step. The
    parts cannot be read from the key. It is new as well if a part is empty or None, as the key of a client that has
    sent none: all such requests would share one key, and get the first one's response.
    """
    told = [part.encode() for part in parts if part]
    if not told or len(told) < len(parts):
        return {"Idempotency-Key": secrets.token_hex(KEY_BYTES)}
    joined = b"".join(len(part).to_bytes(8) + part for part in told)
    return {"Idempotency-Key": hashlib.sha256(joined).hexdigest()[: 2 * KEY_BYTES]}
