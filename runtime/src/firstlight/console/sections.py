"""The sections of the console: which function answers which twin."""

import time
from collections.abc import Awaitable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..logs.logger import LEVELS
from ..management.subject import Subject
from ..metrics.instruments import SLO_OBJECTIVE, SLO_THRESHOLD
from . import declared, otlp, requests
from .actions import COMPONENTS, Actions
from .buffers import Buffers
from .components import Components
from .exchanges import Filter
from .matching import Wanted
from .points import SECONDS, Points
from .queries import BadQueryError, Query
from .section_reader import SectionReader
from .stalls import Stalls
from .state import State

if TYPE_CHECKING:
    from .api import Read, ReadOne

FEWEST_ITEMS, ITEMS, LINES, MOST_ITEMS = 1, 200, 500, 2_000
LATEST = 2**53  # seconds since the epoch


class Sections:
    """The twins that only read."""

    def __init__(self, subject: Subject, buffers: Buffers, points: Points, stalls: Stalls, state: State) -> None:
        """Read these."""
        self._subject = subject
        self._buffers = buffers
        self._points = points
        self._components = Components(subject, SectionReader())
        self.actions = Actions(self._components)
        self.reads: Mapping[str, Read] = {
            "requests": self._requests,
            "signals": self._signals,
            "stalls": lambda _: {"items": stalls.shown()},
            "state": lambda _: state.shown(),
            "logs": self._logs,
            "settings": lambda _: {"items": self._settings},
            "routes": lambda _: {"items": self._routes},
            "versions": lambda _: {"items": self._versions},
            COMPONENTS: lambda _: {"items": self._components.listed()},
            "otlp": lambda _: otlp.exported(subject.service, subject.settings, buffers.spans, buffers.lines),
        }
        self.one: Mapping[str, ReadOne] = {"requests": self._request, COMPONENTS: self._component}

    def stop(self) -> None:
        """End what components do and say."""
        self.actions.stop()
        self._components.stop()

    def index(self) -> Mapping[str, Any]:
        """The sections that components add."""
        return {"components": self._components.listed()}

    def _requests(self, query: Query) -> Mapping[str, Any]:
        since, until = query.number("since", 0), query.number("until", LATEST)
        if until < since:
            msg = "until must not be earlier than since."
            raise BadQueryError(msg)
        texts = query.text("route"), query.text("text")
        only = Filter(query.flag("errors"), query.number("slower", 0), *texts, since, until)
        return self._buffers.exchanges.find(_wanted(query, ITEMS), only)

    def _request(self, trace_id: str, query: Query) -> Mapping[str, Any]:
        settings, seq = self._subject.settings, int(query.number("seq", 0))
        return requests.detail(trace_id, seq, f"http://{settings.host}:{settings.port}", self._buffers)

    def _signals(self, query: Query) -> Mapping[str, Any]:
        since = query.number("since", time.time() - SECONDS)
        return {
            "step": 1,
            "points": self._points.since(since),
            "objectives": _objectives(),
            "routes": self._points.routes(),
        }

    def _logs(self, query: Query) -> Mapping[str, Any]:
        level, wanted, trace_id = query.choice("level", *LEVELS), _wanted(query, LINES), query.text("trace").lower()
        if trace_id and not requests.is_trace_id(trace_id):
            raise BadQueryError(requests.NO_ID)
        return self._buffers.lines.find(wanted, level, query.text("text"), trace_id)

    @cached_property
    def _settings(self) -> declared.Rows:
        return declared.settings(self._subject.service)

    @cached_property
    def _routes(self) -> declared.Rows:
        return declared.routes(self._subject.service)

    @cached_property
    def _versions(self) -> declared.Rows:
        return declared.versions(self._subject.service)

    def _component(self, name: str, _: Query) -> Awaitable[Mapping[str, Any]]:
        return self._components.read(name, self.actions.is_running)


def _wanted(query: Query, limit: int) -> Wanted:
    return Wanted(int(query.number("after", 0)), int(query.number("limit", limit, FEWEST_ITEMS, MOST_ITEMS)))


def _objectives() -> declared.Rows:
    thresholds = {s.labels["slo"]: s.value for family in SLO_THRESHOLD.collect() for s in family.samples}
    return [
        {"slo": s.labels["slo"], "ratio": s.value, "threshold_seconds": thresholds.get(s.labels["slo"])}
        for family in SLO_OBJECTIVE.collect()
        for s in family.samples
    ]
