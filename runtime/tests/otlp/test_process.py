"""A service with all three signals switched on, and one with none: what a receiver gets of it."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from firstlight.contract import Contract
from firstlight.testing import ServiceProcess
from firstlight.testing.process import Line

from ..conftest import PROGRAMS, TIMEOUT_SECONDS
from .conftest import Receiver

HASTY = str(PROGRAMS / "hasty.py")
ON = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp,prometheus", "OTEL_RESOURCE_ATTRIBUTES": "zone=a"}
SHORTEST = {"OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_BSP_SCHEDULE_DELAY": "50"}
NUMBER = 12
STEADY = ("http_server_request_duration_seconds", "slo_events", "slo_objective_ratio", "build_info")
OFF = """
import sys
from firstlight import Identity, Service, Settings, create_app
create_app(Settings(), Service(identity=Identity(name="a", version="1")))
print([name for name in sys.modules if name.startswith("firstlight.otlp.")])
print([name for name in sys.modules if "proto" in name and ("logs" in name or "metrics" in name)])
"""


class Run(NamedTuple):
    """A service from its start to its end, one of whose requests forked a child."""

    receiver: Receiver
    lines: list[Line]
    status: int
    page: str
    """`/metrics` after the last request."""
    began: float


@pytest.fixture(scope="module")
def run(receive: Callable[[], Receiver]) -> Iterator[Run]:
    """A service that exports everything."""
    receiver, began = receive(), time.time()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "NO_PROXY": "127.0.0.1", **ON, **SHORTEST}
    with closing(ServiceProcess([HASTY, "children"], environment)) as service:
        service.started()
        for _ in range(NUMBER):
            assert service.get("/none").status_code == 404
        assert service.get("/fork?name=forked&exit=1").json()["status"] == 4
        service.wait_for("http.request_finished", http_route="/fork")
        receiver.wait_for(lambda: any(each.event_name == "child.worked" for each in receiver.records))
        page = service.manage("/metrics").text
        status = service.terminate()
        yield Run(receiver, service.lines, status, page, began)


def attributes(of: Any) -> dict[str, str]:
    """As a mapping."""
    return {each.key: each.value.string_value for each in of.attributes}


def test_all_signals_have_one_resource(run: Run) -> None:
    """That of the contract, with the attributes of the standard variable."""
    fields = {"traces": "resource_spans", "logs": "resource_logs", "metrics": "resource_metrics"}
    found = {
        signal: {
            tuple(sorted(attributes(each.resource).items()))
            for export in run.receiver.of(signal)
            for each in getattr(export, field)
        }
        for signal, field in fields.items()
    }
    assert run.status == 0
    assert found["traces"] == found["logs"]
    (of_parent,) = found["metrics"]
    (of_child,) = found["logs"] - found["metrics"]
    assert {key for key, _ in of_parent} >= set(Contract.of([]).fact("resource", "attributes"))
    assert dict(of_parent)["zone"] == "a"
    assert {key for key, _ in set(of_parent) ^ set(of_child)} == {"service.instance.id"}


def test_each_line_is_a_record(run: Run) -> None:
    """Those of the parent and of its forked child, each once, from the first to the last."""
    sent = Counter((record.event_name, record.trace_id.hex()) for record in run.receiver.records)
    lines = [line for line in run.lines if line["event"] != "handler.called"]  # by `atexit`, after the last export
    assert sent == Counter((line["event"], line.get("trace_id", "")) for line in lines)
    assert {"service.started", "child.worked", "service.stopped"} <= {event for event, _ in sent}


def test_a_record_has_the_fields_of_its_line(run: Run) -> None:
    """And belongs to the trace of its request."""
    (line,) = [line for line in run.lines if line.get("http_route") == "/fork"]
    (record,) = [record for record in run.receiver.records if attributes(record).get("http_route") == "/fork"]
    values = {each.key: each.value for each in record.attributes}
    assert values["http_response_status_code"].int_value == line["http_response_status_code"] == 200
    assert values["duration_seconds"].double_value == line["duration_seconds"]
    assert values["request_id"].string_value == line["request_id"]
    spans = [s for e in run.receiver.of("traces") for x in e.resource_spans for y in x.scope_spans for s in y.spans]
    assert record.span_id in {span.span_id for span in spans if span.trace_id == record.trace_id}


def test_the_last_export_has_the_numbers_of_the_page(run: Run) -> None:
    """Series by series: the counts of requests with their buckets, the events of objectives, gauges."""
    exported, page = run.receiver.metrics, {}
    for family in text_string_to_metric_families(run.page):
        for sample in family.samples:
            labels = tuple(sorted((key, value) for key, value in sample.labels.items() if value))
            page[sample.name, labels] = sample.value
    compared = 0
    for (name, labels), value in page.items():
        if name.startswith(STEADY) and not name.endswith(("_bucket", "_sum", "_count")):
            metric = exported[name]
            points = [*metric.sum.data_points, *metric.gauge.data_points]
            assert {tuple(sorted(attributes(point).items())): point.as_double for point in points}[labels] == value
            compared += 1
    for point in exported["http_server_request_duration_seconds"].histogram.data_points:
        labels = tuple(sorted(attributes(point).items()))
        assert page["http_server_request_duration_seconds_count", labels] == point.count
        assert page["http_server_request_duration_seconds_sum", labels] == point.sum
        total = 0
        for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts, strict=True):
            total += count
            end = "+Inf" if bound == float("inf") else str(bound)
            of_bucket = tuple(sorted((*labels, ("le", end))))
            assert page["http_server_request_duration_seconds_bucket", of_bucket] == total
        assert run.began - 1 < point.start_time_unix_nano / 1e9 < point.time_unix_nano / 1e9 < time.time()
        compared += 1
    assert compared > 8


def test_a_forked_child_exports_no_metrics(run: Run) -> None:
    """Its numbers are copies of those of its parent: points of one series must have one writer and rising times."""
    times = [export.resource_metrics[0].scope_metrics[0].metrics[0] for export in run.receiver.of("metrics")]
    stamps = [getattr(each, each.WhichOneof("data")).data_points[0].time_unix_nano for each in times]
    assert len(stamps) > 1
    assert stamps == sorted(set(stamps))


def test_nothing_is_imported_where_it_is_off() -> None:
    """Nor do the modules of the format."""
    done = subprocess.run(  # noqa: S603 - of this test
        [sys.executable, "-c", OFF], capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS
    )
    imported, proto = (json.loads(line.replace("'", '"')) for line in done.stdout.splitlines()[-2:])
    assert set(imported) <= {"firstlight.otlp.batches", "firstlight.otlp.deliveries"}
    assert proto == []


def test_the_lines_of_a_command_arrive_before_it_ends(receive: Callable[[], Receiver]) -> None:
    """Its last one as well. Nothing scrapes a command, so none of its metrics is exported."""
    receiver = receive()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "NO_PROXY": "127.0.0.1", **ON}
    with closing(ServiceProcess([str(PROGRAMS / "jobs.py"), "add", "1"], environment)) as command:
        assert command.wait() == 0
        assert [record.event_name for record in receiver.records] == [line["event"] for line in command.lines]
    assert receiver.records[-1].event_name == "command.finished"
    assert receiver.of("metrics") == []
