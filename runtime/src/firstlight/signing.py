"""Signatures of values that clients keep and send back, such as cursors. `SIGNING_KEY` holds the keys."""

import hmac
import secrets
from typing import Self

import structlog
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from .settings import Settings
from .settings.signing_key import keys

SIGNATURE_BYTES = 16  # of 32: a forger has to try 2^127 of them on a service that counts each
_HASH = "sha256"
_RANDOM_BYTES = 32
_STATE = "signing_keys"

log = structlog.get_logger()


class SigningKeys:
    """The first key signs; a signature of any key is valid, so that a key can be replaced while old values are in use.

    Each purpose has keys of its own, derived from these: a signature for one purpose is not valid for another.
    """

    def __init__(self, key: SecretStr | None, *, warns: bool) -> None:
        """`key` is `SIGNING_KEY`. None: a random key; the first use of it logs a warning if `warns`."""
        self._keys = [secrets.token_bytes(_RANDOM_BYTES)] if key is None else keys(key)
        self._derived: dict[bytes, list[bytes]] = {}
        self._warns = warns and key is None

    @classmethod
    def by(cls, settings: Settings) -> Self:
        """The keys that the settings give."""
        return cls(settings.signing_key, warns=settings.environment != "development")

    @classmethod
    def of(cls, connection: HTTPConnection) -> Self:
        """The keys of the service that serves this request."""
        keys = connection.scope["state"][_STATE]
        assert isinstance(keys, cls)
        return keys

    @property
    def state(self) -> dict[str, Self]:
        """The entry of the application's state from which `of` reads the keys."""
        return {_STATE: self}

    def sign(self, purpose: bytes, message: bytes) -> bytes:
        """The signature of a message: 16 bytes of an HMAC with SHA-256."""
        if self._warns:
            self._warns = False
            log.warning("settings.signing_key_missing", consequence="other instances refuse what this one signs")
        return hmac.digest(self._of(purpose)[0], message, _HASH)[:SIGNATURE_BYTES]

    def verify(self, purpose: bytes, message: bytes, signature: bytes) -> bool:
        """Whether one of the keys signed the message. The time it takes says nothing about the right signature."""
        made = (hmac.digest(key, message, _HASH)[:SIGNATURE_BYTES] for key in self._of(purpose))
        return any(hmac.compare_digest(each, signature) for each in made)

    def _of(self, purpose: bytes) -> list[bytes]:
        derived = self._derived.get(purpose)
        if derived is None:
            derived = self._derived[purpose] = [hmac.digest(key, purpose, _HASH) for key in self._keys]
        return derived
