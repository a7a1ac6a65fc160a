"""The stack of `compose.yaml` fits together and fits the service: ports, paths, labels, uids, fields."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from <%= cookiecutter.package_name %>.settings import IDENTITY, Settings

from ..test_contract import METRICS, PROJECT, VARIABLES
from ..test_contract import SERVICE as CONTRACT

FIELDS = {*CONTRACT["log"]["fields"], *CONTRACT["log"]["request_fields"]}


def _load(path: str) -> Any:
    return yaml.safe_load((PROJECT / path).read_text())


COMPOSE = _load("compose.yaml")
FILES = [COMPOSE, *(_load(included["path"]) for included in COMPOSE["include"])]
STACK: dict[str, Any] = {name: service for file in FILES for name, service in file["services"].items()}
PROMETHEUS = _load("ops/prometheus/prometheus.yml")
(JOB,) = (job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "service")
COLLECTOR = _load("ops/collector/collector.yaml")
TEMPO = _load("ops/tempo/tempo.yaml")
LOKI = _load("ops/loki/loki.yaml")
DATA_SOURCES = _load("ops/grafana/provisioning/datasources/datasources.yaml")["datasources"]


def _mounts(name: str) -> dict[str, str]:
    """What of this repository a container sees, and where."""
    volumes = (volume.split(":") for volume in STACK[name].get("volumes", []))
    return {target: source for source, target, *_ in volumes if source.startswith("./")}


def _walk(node: Any) -> Iterator[str]:
    """Every string of a document."""
    match node:
        case dict():
            for value in node.values():
                yield from _walk(value)
        case list():
            for value in node:
                yield from _walk(value)
        case str():
            yield node


def _published(name: str) -> set[int]:
    ports = (*STACK[name].get("ports", ()), *STACK[name].get("expose", ()))
    return {int(str(port).rsplit(":", 1)[-1]) for port in ports}


def _endpoints(node: Any) -> set[int]:
    return {int(text.rsplit(":", 1)[1]) for text in _walk(node)}


def _listening() -> dict[str, set[int]]:
    """The ports of every part: from its own configuration where it has one."""
    (reader,) = COLLECTOR["service"]["telemetry"]["metrics"]["readers"]
    own_metrics = reader["pull"]["exporter"]["prometheus"]["port"]
    return {name: _published(name) for name in STACK} | {
        "collector": {*_endpoints(COLLECTOR["receivers"]), own_metrics},
        "loki": {LOKI["server"]["http_listen_port"]},
        "tempo": {*_endpoints(TEMPO["distributor"]), TEMPO["server"]["http_listen_port"]},
        "localhost": _published("prometheus"),  # it scrapes itself
    }


def test_every_mounted_path_exists() -> None:
    """An engine would make an empty directory of one that does not, and say nothing."""
    sources = [source for name in STACK for source in _mounts(name).values()]

    assert len(sources) > 5
    assert [source for source in sources if not (PROJECT / source).is_dir()] == []


def test_every_path_a_container_is_given_is_mounted_there() -> None:
    """Inside, files have the names they have here."""
    for name, service in STACK.items():
        given = [text for key in ("command", "entrypoint", "environment") for text in _walk(service.get(key))]
        for path in re.findall(r"(?<!\w)/ops/[\w./-]+", " ".join(given)):
            assert any(path.startswith(f"{target}/") for target in _mounts(name)), (name, path)
            assert (PROJECT / path[1:]).exists(), (name, path)


def test_the_rules_are_where_prometheus_looks() -> None:
    """Relative to its configuration, there as here."""
    (pattern,) = PROMETHEUS["rule_files"]

    assert list((PROJECT / "ops/prometheus").glob(pattern))
    assert _mounts("prometheus")["/ops/alerts/rules"] == "./ops/alerts/rules"


def test_dashboards_are_read_from_files_and_changed_there() -> None:
    """What is clicked together is not saved over them."""
    (provider,) = _load("ops/grafana/provisioning/dashboards/dashboards.yaml")["providers"]

    assert provider["allowUiUpdates"] is False
    assert provider["options"]["path"] in _mounts("grafana")


def test_ports_are_published_on_loopback_and_once() -> None:
    """Nothing of this is for the network around."""
    published = [str(port) for service in STACK.values() for port in service.get("ports", [])]

    assert [port for port in published if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    assert len({port.split(":")[1] for port in published}) == len(published)


def test_whoever_waits_waits_for_something() -> None:
    """A condition on health needs somebody who asks."""
    for name, service in STACK.items():
        for other, terms in service.get("depends_on", {}).items():
            healthy = terms["condition"] == "service_healthy"
            assert not healthy or "healthcheck" in STACK[other], (name, other)


def test_every_address_leads_to_a_part_that_listens_there() -> None:
    """From scrapes, alerts, exporters, data sources and the service's own settings."""
    documents = [PROMETHEUS, COLLECTOR["exporters"], DATA_SOURCES, STACK["service"]["environment"]]
    matches = (re.fullmatch(r"(?:\w+://)?([a-z_]+):(\d+)(?:/\S*)?", text) for text in _walk(documents))
    addresses = {(match[1], int(match[2])) for match in matches if match}
    listening = _listening()

    assert {host for host, _ in addresses} >= STACK.keys()
    assert [(host, port) for host, port in addresses if port not in listening.get(host, ())] == []


def test_the_service_is_asked_what_its_image_asks() -> None:
    """The image knows the probes; the ports are those of the contract and of the settings."""
    (command,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)

    assert STACK["service"]["healthcheck"]["test"] == ["CMD", *json.loads(command)]
    assert _published("service") == {Settings().port, CONTRACT["management"]["port"]}


def test_the_service_is_given_variables_it_reads_and_time_to_drain() -> None:
    """A misspelt variable would be ignored in silence."""
    assert STACK["service"]["environment"].keys() <= VARIABLES
    grace = int(STACK["service"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings().drain_seconds + Settings().graceful_seconds


def test_prometheus_labels_the_service_as_discovery_would() -> None:
    """`service` and `env`, as the service says them of itself, and the kind of process; the path is the contract's."""
    (group,) = JOB["static_configs"]

    assert group["targets"] == [f"service:{CONTRACT['management']['port']}"]
    assert JOB.get("metrics_path", "/metrics") == CONTRACT["management"]["metrics"]
    environment = STACK["service"]["environment"]["ENVIRONMENT"]
    assert group["labels"] == {"service": IDENTITY["name"], "env": environment, "process": "web"}


def test_prometheus_remembers_a_budget_s_thirty_days() -> None:
    """And stores exemplars, which it does not by default."""
    command = " ".join(STACK["prometheus"]["command"])

    assert int(re.findall(r"retention\.time=(\d+)d", command)[0]) > 30
    assert "exemplar-storage" in command


def test_log_lines_reach_the_collector() -> None:
    """From the engine's port to the receiver's, under the service's name."""
    options = STACK["service"]["logging"]["options"]
    port = options["fluentd-address"].rsplit(":", 1)[1]

    assert f"127.0.0.1:{port}:{port}" in STACK["collector"]["ports"]
    assert COLLECTOR["receivers"]["fluent_forward"]["endpoint"].endswith(f":{port}")
    assert options["tag"] == IDENTITY["name"]


def test_the_collector_reads_fields_that_lines_have() -> None:
    """And every part of a pipeline is declared."""
    read = set(re.findall(r'cache\["(\w+)"\]', " ".join(_walk(COLLECTOR["processors"]))))

    assert {"service", "trace_id"} <= read <= FIELDS
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= COLLECTOR[kind].keys()


def test_links_between_signals_lead_somewhere() -> None:
    """To data sources by their uids, by labels and fields that the other side has."""
    settings = {source["uid"]: source["jsonData"] for source in DATA_SOURCES}
    (exemplar,) = settings["prometheus"]["exemplarTraceIdDestinations"]
    (derived,) = settings["loki"]["derivedFields"]
    to_logs, to_metrics = settings["tempo"]["tracesToLogsV2"], settings["tempo"]["tracesToMetrics"]

    assert settings.keys() == {"prometheus", "tempo", "loki"}
    links = (exemplar, derived, to_logs, to_metrics)
    assert [link["datasourceUid"] for link in links] == ["tempo", "tempo", "loki", "prometheus"]
    assert {exemplar["name"], derived["matcherRegex"]} == {"trace_id"} <= FIELDS
    assert {tag["value"] for tag in to_metrics["tags"]} <= JOB["static_configs"][0]["labels"].keys()
    queried = re.findall(r"([a-z_]+)(?:_bucket|_count)\{", " ".join(_walk(to_metrics["queries"])))
    assert set(queried) <= METRICS.keys()
    assert queried


def test_attributes_that_links_use_are_the_resource_s() -> None:
    """Of traces, as the contract says; of log lines, as the collector makes them."""
    settings = {source["uid"]: source["jsonData"] for source in DATA_SOURCES}
    tags = [*settings["tempo"]["tracesToLogsV2"]["tags"], *settings["tempo"]["tracesToMetrics"]["tags"]]
    keys = COLLECTOR["processors"]["groupbyattrs"]["keys"]

    assert {tag["key"] for tag in tags} <= set(CONTRACT["resource"]["attributes"])
    assert set(keys) <= set(CONTRACT["resource"]["attributes"])
    statements = " ".join(_walk(COLLECTOR["processors"]["transform/lines"]))
    assert set(keys) == set(re.findall(r'set\(attributes\["([\w.]+)"\]', statements))
