"""The declaration of what is cached: its name, its type, and for how long."""

import random
import re
from builtins import type as type_of
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError

from ...errors import ArrangementError
from .immutable import is_immutable

ValueT_co = TypeVar("ValueT_co", covariant=True)
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_SECONDS = 30 * 86_400


class Cached(Generic[ValueT_co]):
    """A kind of entry, as a constant of a module: `LINKS = Cached("links", version=1, type=Link, ttl=300)`."""

    def __init__(  # noqa: PLR0913 - each is a property of its own
        self,
        name: str,
        *,
        type: type[ValueT_co],  # noqa: A002 - the word of the declaration
        version: int = 1,
        ttl: float = 300,
        jitter: float = 0.1,
        stale: float = 0,
        negative: float = 0,
        settle: float = 0,
        tags: Callable[[ValueT_co], Sequence[str]] | None = None,
    ) -> None:
        """`name` is the label of metrics and a part of each key, `version` changes when `type` does. Times in seconds.

        `ttl` is shortened at random by up to the part `jitter`. For `stale` seconds after it the entry is returned
        once more while it is loaded anew. `negative` is the `ttl` of what does not exist; 0 does not keep it. After an
        entry was forgotten, nothing is kept for `settle` seconds: for loads from a replica that is behind. `tags` of a
        value name groups of entries. Raises `ArrangementError` for values that cannot work.
        """
        self.name, self.version, self.type = name, version, type
        self.ttl, self.jitter, self.stale, self.negative, self.settle = ttl, jitter, stale, negative, settle
        self.tags, self.field = tags, f"v{version}"
        self._require("name", NAME.fullmatch(name), "lower case with underscores, such as 'links'")
        self._require("version", type_of(version) is int and version >= 1, "a whole number, at least 1")
        for each in ("ttl", "jitter", "stale", "negative", "settle"):
            self._require(each, type_of(getattr(self, each)) in {int, float}, "a number")
        self._require("ttl", 0 < ttl <= LONGEST_SECONDS, "seconds above 0, at most 30 days")
        self._require("jitter", 0 <= jitter < 1, "at least 0 and below 1")
        for each in ("stale", "negative", "settle"):
            self._require(each, 0 <= getattr(self, each) <= LONGEST_SECONDS, "seconds, at least 0")
        adapter = self._adapter()
        self.encode = adapter.dump_json
        """JSON in UTF-8 of a value."""
        self.decode: Callable[[bytes], ValueT_co] = adapter.validate_json
        """The value of a JSON text. Raises `ValidationError`."""
        self.is_shared = is_immutable(type)
        """Whether readers may get the same object: none of them can change it."""

    @property
    def tag_seconds(self) -> float:
        """How long an entry exists at most."""
        return max(self.ttl + self.stale, self.negative)

    def lifetime(self, value: object) -> tuple[float, float]:
        """For how long a value is fresh, and for how long it exists, in seconds."""
        if value is None:
            return self.negative, self.negative
        fresh = self.ttl * (1 - self.jitter * random.random())  # noqa: S311 - no secret
        return fresh, fresh + self.stale

    def tags_of(self, value: Any) -> Sequence[str]:
        """The tags of a value. What does not exist has none. Raises `ArrangementError` for one text."""
        if value is None or self.tags is None:
            return ()
        found = self.tags(value)
        if isinstance(found, str):  # its letters would be the tags
            msg = f"tags of the Cached {self.name!r} must return several texts, as in [{found!r}], not one"
            raise ArrangementError(msg)
        return tuple(found)

    def _adapter(self) -> TypeAdapter[Any]:
        """What reads and writes the values. None stands for what does not exist, so it must be no value."""
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(self.type)
        except PydanticSchemaGenerationError:
            self._require("type", None, "a type that pydantic reads and writes")
            raise
        takes_none = False
        with suppress(Exception):  # whatever validators of a team raise
            adapter.validate_json("null")
            takes_none = True
        self._require("type", not takes_none, "one without None, which means that there is none")
        return adapter

    def _require(self, name: str, holds: object, demand: str) -> None:
        if not holds:
            msg = f"{name} of the Cached {self.name!r} must be {demand}, not {getattr(self, name)!r}"
            raise ArrangementError(msg)
