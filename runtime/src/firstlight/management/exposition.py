"""The page of `/metrics`: what cannot be collected or rendered is left out, and the rest is served."""

import copy
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.registry import Collector

from ..failures import report
from ..metrics.instruments import METRICS_NOT_RENDERED, REGISTRY

SECONDS_PER_LINE = 60.0  # a collector fails at each scrape
KNOWN = re.compile(r"text/plain;|application/openmetrics-text; version=[12]\.0\.0;")

Encoder = Callable[[Any], bytes]


class _Families(Collector):
    """What the encoders take for a registry."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class Exposition:
    """Renders a registry. One thread at a time calls `render`."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._registry = registry
        self._clock = clock
        self._next_line = float("-inf")
        self.collecting = ""  # what is being collected now: which collector hangs, if one does

    def render(self, accept: str, names: Collection[str] = ()) -> tuple[bytes, str]:
        """The page and its content type. `accept` is the header; with `names`, only samples of these names."""
        encode, content_type = negotiate(accept)
        families = self._collect()
        if names:
            families = [only for family in families if (only := _restricted(family, names)).samples]
        try:
            return encode(_Families(families)), content_type
        except Exception:  # noqa: BLE001 - some family cannot be rendered; which one is found out by itself
            return encode(_Families([family for family in families if self._renders(encode, family)])), content_type

    def failed(self, name: str, error: BaseException) -> None:
        """Count a collector or family that is not on the page. Logs one of them in `SECONDS_PER_LINE`."""
        METRICS_NOT_RENDERED.inc()
        now = self._clock()
        if now >= self._next_line:
            self._next_line = now + SECONDS_PER_LINE
            report("telemetry", "telemetry.failed", error, signal="metrics", collector=name)

    def _collect(self) -> list[Metric]:
        families: list[Metric] = []
        # The registry's own `collect` ends at the first collector that raises, and there is no other list of them.
        with self._registry._lock:  # noqa: SLF001
            collectors = list(self._registry._collector_to_names)  # noqa: SLF001
        for collector in collectors:
            self.collecting = _name(collector)
            try:
                families.extend(collector.collect())
            except BaseException as error:  # noqa: BLE001 - also `sys.exit` of a team's function
                self.failed(self.collecting, error)
        self.collecting = ""
        return families

    def _renders(self, encode: Encoder, family: Metric) -> bool:
        try:
            encode(_Families([family]))
        except Exception as error:  # noqa: BLE001 - values that are no numbers, text that is no UTF-8
            self.failed(str(family.name).encode("ascii", "backslashreplace").decode(), error)
            return False
        return True


def negotiate(accept: str) -> tuple[Encoder, str]:
    """The encoder and the content type for an `Accept` header; the plain text format where it makes no sense."""
    try:
        encode, content_type = choose_encoder(accept)
    except Exception:  # noqa: BLE001 - the library compares whatever the client calls a version
        return generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    known = KNOWN.match(content_type)  # the library repeats the client's version
    return (encode, content_type) if known else (generate_latest, CONTENT_TYPE_PLAIN_0_0_4)


def _name(collector: Collector) -> str:
    return str(getattr(collector, "_name", "") or type(collector).__name__)


def _restricted(family: Metric, names: Collection[str]) -> Metric:
    restricted = copy.copy(family)
    restricted.samples = [sample for sample in family.samples if sample.name in names]
    return restricted
