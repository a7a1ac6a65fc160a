"""Environments of fleets: no OpenTelemetry variable stops the start, and all signals have one identity."""

import re
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from firstlight.settings.complaints import complaints
from firstlight.settings.ignored import IGNORED, OF_THE_SERVER
from firstlight.settings.variables import HONOURED
from firstlight.testing import ServiceProcess

from ..conftest import FAULTS
from .conftest import Receiver, Start, ask

HOSTILE = "s3cr3t,-1;\udcff"


def test_a_bad_variable_is_one_warning(serve: Start) -> None:
    """All variables at once with invalid values. The SDK reads some when it is imported."""
    names = [variable.name for variable in (*HONOURED, *IGNORED, *OF_THE_SERVER)]
    service = serve(str(FAULTS), **dict.fromkeys(names, HOSTILE)).started()
    assert ask(service.url, "/faults/none").status == 200
    assert service.terminate() == 0

    warned = [line["variable"] for line in service.lines if line["event"] == "settings.variable_ignored"]
    assert sorted(warned) == sorted(found.variable for found in complaints(dict.fromkeys(names, HOSTILE)))
    assert len(warned) == len(set(warned)) > 90
    assert [line for line in service.lines if line["level"] not in {"info", "warning"}] == []
    assert [line for line in service.lines if line["event"] == "http.request_failed"] == []
    assert service.error == ""


def test_all_signals_have_the_same_identity(serve: Start, receive: Callable[..., Receiver]) -> None:
    """Name, version and environment of `OTEL_RESOURCE_ATTRIBUTES` in spans, lines and metrics."""
    collector = receive()
    service = serve(
        str(FAULTS),
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_RESOURCE_ATTRIBUTES=(
            "service.name=pay%20ments%2Ceu, deployment.environment.name=prod,service.version=9.9,"
            "service.instance.id=pod-1,team=a"
        ),
        REVISION="a\udcff\x1b",
    ).started()
    ask(service.url, "/faults/none", x_request_id="identity")
    line = service.wait_for("http.request_finished", request_id="identity")
    metrics = service.manage("/metrics")
    health = service.manage("/health").json()
    assert service.terminate() == 0

    assert (line["service"], line["version"], line["env"]) == ("pay ments,eu", "9.9", "prod")
    assert metrics.status_code == 200
    assert re.search('build_info{.*revision="a\ufffd\ufffd".*,version="9.9"}', metrics.text)
    assert (health["version"], health["releaseId"]) == ("9.9", "a\ufffd\ufffd")
    sent = ExportTraceServiceRequest.FromString(collector.bodies[0]).resource_spans[0].resource
    resource = {each.key: each.value.string_value for each in sent.attributes}
    assert (
        resource.items()
        >= {
            "service.name": "pay ments,eu",
            "service.version": "9.9",
            "deployment.environment.name": "prod",
            "service.instance.id": "pod-1",
            "team": "a",
        }.items()
    )


def client_of(service: ServiceProcess, number: int, **headers: str) -> str:
    """The client address in the access event."""
    ask(service.url, "/faults/none", x_request_id=f"client-{number}", **headers)
    return str(service.wait_for("http.request_finished", request_id=f"client-{number}")["client_address"])


def test_only_trusted_proxies_are_believed(serve: Start) -> None:
    """Uvicorn's variable has no effect, and loopback is not trusted by default."""
    service = serve(str(FAULTS), FORWARDED_ALLOW_IPS="*").started()
    assert client_of(service, 0, x_forwarded_for="203.0.113.9") == "127.0.0.1"
    (line,) = (line for line in service.lines if line["event"] == "settings.variable_ignored")
    assert (line["variable"], "TRUSTED_PROXIES" in line["instead"]) == ("FORWARDED_ALLOW_IPS", True)

    behind = serve(str(FAULTS), TRUSTED_PROXIES="127.0.0.0/8, ::1").started()
    assert client_of(behind, 1, x_forwarded_for="1.2.3.4, 203.0.113.9, 127.0.0.2") == "203.0.113.9"
    assert client_of(behind, 2, x_forwarded_for="nonsense") == "127.0.0.1"
