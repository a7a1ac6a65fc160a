"""`python -m firstlight openslo <package>`: valid OpenSLO of exactly the objectives that the service exports."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from firstlight.openslo import command

from ..conftest import FAULTS, TIMEOUT_SECONDS

TITLE = 'Päckchen: "schnell" & sicher 📦 ' + "x" * 90
PAGE = f"""
from firstlight import Identity, Latency, Objective, Operation, Service

async def track(request):
    raise NotImplementedError

put = type(track)(track.__code__, globals(), "put")
IDENTITY = Identity(
    name="parcels", version="1", title={TITLE!r}, description="Parcels: to all.", owner="Team 'Ärger': #1",
    defaults={{"slo_availability": 0.9995, "slo_latency": 0.99, "slo_latency_seconds": 0.25}},
)
SERVICE = Service(
    identity=IDENTITY,
    routes=[
        Operation(method="GET", path="/track", handler=track, latency=Latency(seconds=1.0, ratio=0.95)),
        Operation(method="PUT", path="/track", handler=put, latency=Latency(ratio=0.97)),
        Operation(method="POST", path="/track", handler=track, latency=None),
    ],
    objectives=[Objective("paid.late", 0.97), Objective("paid_late", 0.98), Objective("a" * 90, 0.995)],
)
"""
TARGETS = {
    "a" * 90: 0.995,
    "availability": 0.9995,
    "latency": 0.99,
    "latency.put": 0.97,
    "latency.track": 0.95,
    "paid.late": 0.97,
    "paid_late": 0.98,
}
DNS_LABEL = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_KEY = re.compile("[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")


@dataclass(frozen=True)
class Done:
    """What the command did."""

    status: int
    output: bytes
    errors: str


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source of the service `parcels`."""
    package = tmp_path / "src/parcels"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "service.py").write_text(PAGE, "utf-8")
    return package.parent


@pytest.fixture
def openslo(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Done]:
    """Run the command in this process, which has imported everything."""
    monkeypatch.syspath_prepend(source)

    def run(*arguments: str, **environment: str) -> Done:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = command.run(arguments)
        output, errors = capsysbinary.readouterr()
        return Done(status, output, errors.decode())

    return run


def process(source: Path, *arguments: str, **environment: str) -> bytes:
    """What Python prints, with the service on its path."""
    path = os.pathsep.join([str(source), str(FAULTS.parents[1])])
    done = subprocess.run(  # noqa: S603 - the command under test
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    return done.stdout


def described(done: Done) -> list[dict[str, Any]]:
    """The objects that it printed."""
    assert (done.status, done.errors) == (0, "")
    return list(yaml.safe_load_all(done.output.decode()))


def faults(thing: Mapping[str, Any]) -> Iterator[str]:
    """What the specification of OpenSLO v1 forbids, for the two kinds that are printed."""
    metadata, spec = thing["metadata"], thing["spec"]
    if thing.keys() != {"apiVersion", "kind", "metadata", "spec"} or thing["apiVersion"] != "openslo/v1":
        yield "not an object of v1"
    yield from _faults_of_metadata(metadata)
    if len(spec.get("description", "")) > 1050:
        yield "the description is too long"
    if thing["kind"] == "Service":
        yield from (f"unknown {key}" for key in spec.keys() - {"description"})
        return
    wanted = {"description", "service", "indicator", "timeWindow", "budgetingMethod", "objectives"}
    if thing["kind"] != "SLO" or spec.keys() != wanted or not DNS_LABEL.fullmatch(spec["service"]):
        yield f"no SLO: {thing}"
    if spec["budgetingMethod"] != "Occurrences" or spec["timeWindow"] != [{"duration": "30d", "isRolling": True}]:
        yield "another window or method than the rules have"
    if [each.keys() for each in spec["objectives"]] != [{"target"}] or not 0 <= spec["objectives"][0]["target"] < 1:
        yield "no target for each objective"
    yield from _faults_of_metadata(spec["indicator"]["metadata"])
    ratio = spec["indicator"]["spec"]["ratioMetric"]
    if spec["indicator"]["spec"].keys() != {"ratioMetric"} or ratio.keys() != {"counter", "good", "total"}:
        yield "no ratio of good and total"
    for source in (ratio["good"]["metricSource"], ratio["total"]["metricSource"]):
        if source.keys() != {"type", "spec"} or not isinstance(source["type"], str) or not source["spec"]:
            yield "no source"


def _faults_of_metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    if metadata.keys() - {"name", "displayName", "labels"} or not DNS_LABEL.fullmatch(metadata["name"]):
        yield f"the name {metadata['name']}"
    if len(metadata.get("displayName", "")) > 63:
        yield "displayName is too long"
    for key, value in metadata.get("labels", {}).items():
        if not LABEL_KEY.fullmatch(key) or not isinstance(value, str):
            yield f"the label {key}"


def matchers(source: Mapping[str, Any]) -> dict[str, str]:
    """The labels that the query of a source asks for."""
    query = promql_parser.parse(source["metricSource"]["spec"]["query"])
    assert isinstance(query, promql_parser.AggregateExpr)
    assert isinstance(query.expr, promql_parser.VectorSelector)
    assert query.expr.name == "slo_events_total"
    return {matcher.name: matcher.value for matcher in query.expr.matchers.matchers}


def test_every_declared_objective_is_valid_openslo(openslo: Callable[..., Done]) -> None:
    """Availability, latency, that of routes, that of the team; awkward names and texts stay whole."""
    service, *slos = described(openslo("parcels"))
    assert [list(faults(thing)) for thing in (service, *slos)] == [[]] * 8
    assert service["metadata"] == {
        "name": "parcels",
        "displayName": f"{TITLE[:62]}…",
        "labels": {"owner": "Team 'Ärger': #1"},
    }
    queries = [slo["spec"]["indicator"]["spec"]["ratioMetric"] for slo in slos]
    labels = [{"service": "parcels", "env": "production", "slo": slo} for slo in TARGETS]
    assert [matchers(ratio["total"]) for ratio in queries] == labels
    assert [matchers(ratio["good"]) for ratio in queries] == [{**each, "outcome": "good"} for each in labels]
    assert {slo: each["spec"]["objectives"][0]["target"] for slo, each in zip(TARGETS, slos, strict=True)} == TARGETS
    names = [slo["metadata"]["name"] for slo in slos]
    assert len(set(names)) == len(names)
    assert names[3] == "parcels-latency-put"
    descriptions = [slo["spec"]["description"] for slo in slos]
    assert descriptions[1] == "99.95 % of the requests do not fail because of the service."
    assert descriptions[2:5:2] == [
        "99 % of the requests take at most 0.25 s.",
        "95 % of the requests to track take at most 1 s.",
    ]


def test_it_is_what_the_process_exports(openslo: Callable[..., Done], source: Path) -> None:
    """The names and ratios of `slo_objective_ratio` after the service was created, with settings applied."""
    environment = {"SLO_AVAILABILITY": "0.95", "SLO_LATENCY_SECONDS": "0.5"}
    slos = described(openslo("parcels", "--env", "staging", **environment))[1:]
    program = (
        "from firstlight import create_app, REGISTRY; from firstlight.settings import load_for;"
        "from parcels.service import SERVICE;"
        "create_app(load_for(SERVICE.settings, SERVICE.identity, 9464), SERVICE);"
        "print({s.labels['slo']: s.value for m in REGISTRY.collect() if m.name == 'slo_objective_ratio'"
        " for s in m.samples})"
    )
    exported = yaml.safe_load(process(source, "-c", program, **environment))
    ratios = [slo["spec"]["indicator"]["spec"]["ratioMetric"] for slo in slos]
    targets = [slo["spec"]["objectives"][0]["target"] for slo in slos]
    assert {matchers(ratio["total"])["slo"]: each for ratio, each in zip(ratios, targets, strict=True)} == exported
    assert exported["availability"] == 0.95
    assert {matchers(ratio["total"])["env"] for ratio in ratios} == {"staging"}


def test_the_same_service_prints_the_same_bytes(openslo: Callable[..., Done], source: Path) -> None:
    """In another process, with other hashes."""
    printed = process(source, "-m", "firstlight", "openslo", "parcels", PYTHONHASHSEED="1")
    assert printed == openslo("parcels").output


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["parcels"], {"SLO_AVAILABILITY": "2"}, "SLO_AVAILABILITY must be"),
        (["parcel"], {}, "parcel must be the package of the service, with a service.py: No module named 'parcel'"),
        ([], {}, "the following arguments are required: package"),
    ],
)
def test_bad_input_is_one_sentence(
    openslo: Callable[..., Done], arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    """Exit status 2, and nothing on standard output."""
    done = openslo(*arguments, **environment)
    assert (done.status, done.output) == (2, b"")
    assert sentence in done.errors
