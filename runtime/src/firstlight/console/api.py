"""The twins of the page in JSON, by name. Each answer has the version of the interface, and the time."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .queries import NotFoundError, Query

VERSION = 1

Read = Callable[[Query], Mapping[str, Any]]
Answer = Mapping[str, Any] | Awaitable[Mapping[str, Any]]
ReadOne = Callable[[str, Query], Answer]
Effect = Callable[[Query], Awaitable[Mapping[str, Any]]]


class BusyError(Exception):
    """Something that can run only once runs already. The message is a sentence for the client."""


class Api:
    """A table of functions. They are called in the thread of the management port."""

    def __init__(  # noqa: PLR0913 - each is a kind of answer
        self,
        index: Callable[[], Mapping[str, Any]],
        reads: Mapping[str, Read],
        one: Mapping[str, ReadOne],
        effects: Mapping[str, Effect],
        more_effects: Callable[[str], Effect | None] = lambda _: None,
        *,
        blocked: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`reads` answer `<name>`, `one` answers `<name>/<id>`, `effects` answer POST requests to `<name>`.

        `more_effects` returns the effect of another name, if there is one. `index` has what the list of all of them
        says besides their names. `blocked` returns for how many milliseconds the event loop has been blocked: every
        answer says it, because a page may show old numbers in green meanwhile.
        """
        self._index = index
        self._reads = reads
        self._one = one
        self._effects = effects
        self._more_effects = more_effects
        self._blocked = blocked

    def effect(self, name: str) -> Effect | None:
        """The effect of this name, if there is one."""
        effect = self._effects.get(name) or self._more_effects(name)
        return None if effect is None else lambda query: self._enveloped_later(effect(query))

    async def read(self, path: str, query: Query) -> Mapping[str, Any]:
        """The answer of a twin. Raises `NotFoundError`, `BusyError`, and `BadQueryError` for its arguments."""
        answer = self._answer(path, query)
        members = answer if isinstance(answer, Mapping) else await answer
        query.end()
        return self._enveloped(members)

    def _answer(self, path: str, query: Query) -> Answer:
        if not path:
            return {"sections": sorted(self._reads), "actions": sorted(self._effects), **self._index()}
        name, _, key = path.partition("/")
        if not key and name in self._reads:
            return self._reads[name](query)
        if key and name in self._one:
            return self._one[name](key, query)
        msg = "The console has no such section."
        raise NotFoundError(msg)

    async def _enveloped_later(self, answer: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any]:
        return self._enveloped(await answer)

    def _enveloped(self, members: Mapping[str, Any]) -> Mapping[str, Any]:
        """The members of an answer, after those that every answer has."""
        now = round(time.time(), 3)
        return {"version": VERSION, "now": now, "blocked_ms": self._blocked(), **members}
