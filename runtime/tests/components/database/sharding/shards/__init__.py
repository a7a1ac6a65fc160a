"""The shards of this service: which database has the rows of a key."""

from .component import SHARDED_DATABASE, SHARDS
from .slots import slot_of

__all__ = ["SHARDED_DATABASE", "SHARDS", "slot_of"]
