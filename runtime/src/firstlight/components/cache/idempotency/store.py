"""Idempotency keys in Redis."""

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Any

from ....failures import KnownError
from ....idempotency import Completion, FullError, Name, Record, StoredResponse
from ....idempotency import Limits as Amounts
from ....management.check import Check
from ..server import RedisServer
from . import scripts

CALL_SECONDS = 0.5
GROUP = "idempotency"
CALLER_HASH_BYTES = 16
RECORD_BYTES = 512  # of a record and its places in the set and the usage, besides its values
REMOVED_AT_ONCE = 500
RESERVED, KNOWN = 1, 2


class RedisStore:
    """A `Store` that all instances share."""

    def __init__(self, server: RedisServer, amounts: Amounts) -> None:
        """`amounts` are those of all instances together."""
        self._server, self._prefix = server, server.key(GROUP, "v1")
        self._shared = [f"{self._prefix}:expiring", f"{self._prefix}:used"]
        share = amounts.caller_share
        self._bytes = [amounts.bytes, int(amounts.bytes * share)]
        self._most = [amounts.keys, amounts.bytes, max(1, int(amounts.keys * share)), self._bytes[1]]
        self._reserve, self._complete, self._release, self._remove = map(
            server.client.register_script, (scripts.RESERVE, scripts.COMPLETE, scripts.RELEASE, scripts.REMOVE_EXPIRED)
        )
        self.keys = self.bytes = 0
        """The number of records, and what they took as an estimate, when they were counted last."""

    async def reserve(self, name: Name, fingerprint: bytes, seconds: float) -> str | Record:
        """Reserve a name, or return its record. Raises `FullError`, and `RedisUnavailableError`."""
        caller, token = _hash(name.caller), uuid.uuid4().hex
        size = RECORD_BYTES + len(name.key) + len(fingerprint)
        given: list[Any] = [token, fingerprint, seconds, size, caller, *self._most]
        found = await self._call(lambda: self._reserve(self._keys(name), given))
        if found[0] == RESERVED:
            return token
        if found[0] == KNOWN:
            return _record(*found[1:])
        raise FullError(for_all=found[1] == b"all", seconds=max(0.0, float(found[2])))

    async def complete(self, name: Name, token: str, response: StoredResponse, seconds: float) -> Completion:
        """Store the response, or only its status where there is no space. Raises `RedisUnavailableError`."""
        headers = json.dumps([[field.decode("latin-1"), value.decode("latin-1")] for field, value in response.headers])
        body = response.body or b""
        given: list[Any] = [token, seconds, response.status, headers, body, int(response.body is not None)]
        given += [len(headers) + len(body), *self._bytes]
        done = await self._call(lambda: self._complete(self._keys(name), given))
        return Completion(done.decode())

    async def release(self, name: Name, token: str) -> None:
        """Remove a reservation. Raises `RedisUnavailableError`."""
        await self._call(lambda: self._release(self._keys(name), [token]))

    async def remove_expired(self) -> None:
        """Remove what has expired, in steps, and count the rest. Raises `RedisUnavailableError`."""
        removed = REMOVED_AT_ONCE
        while removed == REMOVED_AT_ONCE:
            found = await self._call(lambda: self._remove(self._shared, [REMOVED_AT_ONCE]))
            removed, self.keys, self.bytes = found

    def checks(self) -> Sequence[Check]:
        """Whether the server keeps what it has accepted."""
        return (Check("idempotency", self._require_kept),)

    async def _require_kept(self) -> None:
        found = await self._call(lambda: self._server.client.info("memory"))
        if str(found.get("maxmemory_policy", "")).startswith("allkeys"):
            msg = "Redis may evict keys before their time; set maxmemory-policy to volatile-lru or noeviction."
            raise KnownError(msg)

    async def _call(self, work: Callable[[], Awaitable[Any]]) -> Any:
        return await self._server.call(GROUP, work, seconds=CALL_SECONDS)

    def _keys(self, name: Name) -> list[str]:
        return [*self._shared, f"{self._prefix}:{_hash(name.caller)}:{name.key}"]


def _hash(caller: str) -> str:
    """The caller's name, which may be an address, is not stored."""
    return blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=CALLER_HASH_BYTES).hexdigest()


def _record(fingerprint: bytes, status: bytes | None, headers: bytes | None, body: bytes | None) -> Record:
    if status is None:
        return Record(fingerprint, None)
    fields = tuple((field.encode("latin-1"), value.encode("latin-1")) for field, value in json.loads(headers or b"[]"))
    return Record(fingerprint, StoredResponse(int(status), fields, body))
