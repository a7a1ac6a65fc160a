"""What a process with Redis exports is what the contract says."""

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from firstlight import REGISTRY
from firstlight.components.cache import Cached
from firstlight.contract import Contract
from firstlight.testing.redis import RedisProcess

from .kept import LINKS, Source, link, opened, until

pytestmark = pytest.mark.anyio

TEXTS = Cached("texts", type=str)
OTHERS = ("cache_write_behind_",)  # stores/test_write_behind.py


async def test_metrics_are_those_of_the_contract(redis: RedisProcess) -> None:
    """Every one of the contract, with its labels, and no other."""
    contract = {name: metric for name, metric in Contract.of(["cache"]).metrics.items() if name.startswith("cache_")}
    source = Source(a=link("a"))
    async with opened(redis.url(), cache_memory_entries=1) as caches:
        for slug in ("a", "b", "a"):
            for _ in range(3):
                await caches.read(LINKS, slug, source.load(slug))
        redis.command("HSET", "sample:development:cache:texts:x", "v1", "no entry")
        await caches.get(TEXTS, "x")
        await caches.forget(LINKS, "b")
        redis.command("DEL", "sample:development:cache:links:a")
        await until(lambda: REGISTRY.get_sample_value("cache_invalidated_total", {"cache": "links"}))
        server = caches.redis
        assert server is not None
        server.pool._waits.observe(0.0)  # noqa: SLF001 - a wait in earnest needs a pool that is full
        found = {
            family.name: {frozenset(sample.labels.keys() - {"le"}) for sample in family.samples}
            for family in REGISTRY.collect()
            if family.name.startswith("cache_") and family.samples
        }

    expected = {name: {frozenset(metric.labels)} for name, metric in contract.items() if not name.startswith(OTHERS)}
    assert {name: labels for name, labels in found.items() if not name.startswith(OTHERS)} == expected


async def test_each_call_of_a_recorded_trace_is_a_span(redis: RedisProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys and values. What no trace asked for leaves none."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    source = Source(hunter2=link("hunter2"))
    async with opened(redis.url()) as caches:
        await caches.forget(LINKS, "hunter2")
        with provider.get_tracer(__name__).start_as_current_span("request") as request:
            for _ in range(2):
                await caches.read(LINKS, "hunter2", source.load("hunter2"))
            redis.command("SET", "sample:development:cache:texts:hunter2", "hunter2")
            await caches.get(TEXTS, "hunter2")

    *calls, _ = exporter.get_finished_spans()
    named: dict[str, Any] = {span.name: span for span in calls}
    found = [span.name for span in calls]
    assert found == ["redis get", "redis acquire", "redis fill", "redis get", "redis get_tags", "redis get"]
    assert {span.kind for span in calls} == {SpanKind.CLIENT}
    assert {span.parent and span.parent.span_id for span in calls} == {request.get_span_context().span_id}
    assert dict(named["redis fill"].attributes) == {
        "db.system.name": "redis",
        "db.namespace": "0",
        "db.query.summary": "fill",
        "db.operation.name": "EVALSHA",
        "db.stored_procedure.name": "fill",
        "server.address": "127.0.0.1",
        "server.port": redis.port,
    }
    assert named["redis get"].attributes["db.operation.name"] == "HGET"
    assert named["redis get"].attributes["error.type"] == "redis.exceptions.ResponseError"
    assert named["redis get"].status.status_code == StatusCode.ERROR
    assert "hunter2" not in str([dict(span.attributes or {}) for span in calls])
