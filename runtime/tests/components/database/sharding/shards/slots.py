"""Slots: each key has one, and each slot has one shard."""

from zlib import crc32

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from firstlight.components.database.addresses import parse

SLOTS = 256  # for ever: a key stays in its slot, and slots move between shards


def slot_of(key: str) -> int:
    """The slot of a key: the same in every process and every release."""
    return crc32(key.encode()) % SLOTS


def slots_in(text: str) -> range:
    """The slots of a range such as `0-127`. Raises `ValueError`."""
    first, _, last = text.partition("-")
    found = range(int(first), int(last or first) + 1)
    if not found or found[-1] >= SLOTS or found[0] < 0:
        msg = f"{text} must be slots between 0 and {SLOTS - 1}"
        raise ValueError(msg)
    return found


class ShardsSettings(BaseSettings):
    """`SHARDS_*`. Without URLs, the database of the service is the only shard."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="shards_", env_ignore_empty=True)

    urls: dict[str, SecretStr] = {}
    """`{"a": "postgresql://...", "b": "postgresql://..."}`"""
    slots: dict[str, str] = {}
    """`{"0-127": "a", "128-255": "b"}`: each slot once."""
    frozen: list[str] = []
    """`["64-127"]`: slots that are being moved. Their rows can be read and not written."""

    @model_validator(mode="after")
    def _checked(self) -> "ShardsSettings":
        for url in self.urls.values():
            parse(url.get_secret_value())
        owned = sorted(slot for text in self.slots for slot in slots_in(text))
        if self.urls and (owned != list(range(SLOTS)) or set(self.slots.values()) - set(self.urls)):
            msg = f"SHARDS_SLOTS must give each of the {SLOTS} slots to one shard of SHARDS_URLS"
            raise ValueError(msg)
        _ = [slots_in(text) for text in self.frozen]
        return self
