"""The page of `/metrics`. Collectors and families that fail are left out; all others are served."""

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

SECONDS_PER_LINE = 60.0  # a failing collector fails at each scrape
KNOWN = re.compile(r"text/plain;|application/openmetrics-text; version=[12]\.0\.0;")

Encoder = Callable[[Any], bytes]


class _Families(Collector):
    """Families with the interface of a registry, for the encoders."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class Exposition:
    """Renders a registry. `render` is not thread-safe."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self._registry = registry
        self._clock = clock
        self._next_line = float("-inf")
        self.collecting = ""  # the current collector: the culprit if a scrape times out

    def render(self, accept: str, names: Collection[str] = ()) -> tuple[bytes, str]:
        """The page and its content type. `accept` is the header. With `names`, only samples with these names."""
        encode, content_type = negotiate(accept)
        families = self.families()
        if names:
            families = [only for family in families if (only := _restricted(family, names)).samples]
        try:
            return encode(_Families(families)), content_type
        except Exception:  # noqa: BLE001 - one family cannot be rendered: render each separately to leave it out
            return encode(_Families([family for family in families if self._renders(encode, family)])), content_type

    def families(self) -> list[Metric]:
        """The families of all collectors that do not fail."""
        families: list[Metric] = []
        # `collect` of the registry ends at the first collector that raises, and no public method lists the collectors.
        with self._registry._lock:  # noqa: SLF001
            collectors = list(self._registry._collector_to_names)  # noqa: SLF001
        for collector in collectors:
            self.collecting = _name(collector)
            try:
                families.extend(collector.collect())
            except BaseException as error:  # noqa: BLE001 - a function of the team may call `sys.exit`
                self.failed(self.collecting, error)
        self.collecting = ""
        return families

    def failed(self, name: str, error: BaseException) -> None:
        """Count a collector or family that is missing on the page. Logs at most one in `SECONDS_PER_LINE`."""
        METRICS_NOT_RENDERED.inc()
        now = self._clock()
        if now >= self._next_line:
            self._next_line = now + SECONDS_PER_LINE
            report("telemetry", "telemetry.failed", error, signal="metrics", collector=name)

    def _renders(self, encode: Encoder, family: Metric) -> bool:
        try:
            encode(_Families([family]))
        except Exception as error:  # noqa: BLE001 - values that are not numbers, text that is not UTF-8
            self.failed(str(family.name).encode("ascii", "backslashreplace").decode(), error)
            return False
        return True


def negotiate(accept: str) -> tuple[Encoder, str]:
    """The encoder and the content type for an `Accept` header; the text format for an invalid header."""
    try:
        encode, content_type = choose_encoder(accept)
    except Exception:  # noqa: BLE001 - the library parses the version without checks
        return generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    known = KNOWN.match(content_type)  # the library returns the client's version unchecked
    return (encode, content_type) if known else (generate_latest, CONTENT_TYPE_PLAIN_0_0_4)


def _name(collector: Collector) -> str:
    return str(getattr(collector, "_name", "") or type(collector).__name__)


def _restricted(family: Metric, names: Collection[str]) -> Metric:
    restricted = copy.copy(family)
    restricted.samples = [sample for sample in family.samples if sample.name in names]
    return restricted
