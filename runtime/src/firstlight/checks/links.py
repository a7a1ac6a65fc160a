"""Part of the check `stack`: addresses, the path of log lines, and links between signals."""

import re
from collections.abc import Callable, Iterator, Mapping

from . import contract
from .compose import COLLECTOR, GRAFANA, PROMETHEUS, Stack
from .document import Document, strings
from .finding import Finding, FindingError

SOURCES = f"{GRAFANA}/datasources/datasources.yaml"
ADDRESS = re.compile(r"(?:\w+://)?(?:[^@/\s]+@)?([a-z][a-z0-9_-]*):(\d+)(?:/\S*)?")


def _sources(stack: Stack) -> Mapping[str, Document]:
    """The options of each data source, by uid."""
    entries = stack.read(SOURCES).items("datasources")
    found = {entry.text("uid"): Document(SOURCES, entry.mapping("jsonData")) for entry in entries}
    if found.keys() != {"prometheus", "tempo", "loki"}:
        raise FindingError(SOURCES, "must have three data sources, with the uids prometheus, tempo and loki.")
    return found


def _addresses(stack: Stack) -> Iterator[Finding]:
    """A part listens on every address that is used, and Prometheus scrapes every part."""
    documents = {
        PROMETHEUS: stack.prometheus.content,
        COLLECTOR: stack.read(COLLECTOR).at("exporters"),
        SOURCES: stack.read(SOURCES).at("datasources"),
        stack.service.file: stack.service.find("environment"),
    }
    listening, reached = stack.listening(), set()
    for file, content in documents.items():
        for match in filter(None, map(ADDRESS.fullmatch, strings(content))):
            host, port = match[1], int(match[2])
            reached.add(host)
            if port not in listening.get(host, ()):
                yield Finding(file, f"names {host}:{port}, and nothing listens there.")
    for name in sorted(stack.parts.keys() - reached - stack.ending):
        yield Finding(PROMETHEUS, f"must have a scrape job for {name}, which nothing asks.")


def _lines(stack: Stack) -> Iterator[Finding]:
    """The container engine sends log lines to the port of the receiver, with the name of the service as tag."""
    options = Document(stack.service.file, stack.service.mapping("logging", "options"))
    port = options.text("fluentd-address").rpartition(":")[2]
    if f"127.0.0.1:{port}:{port}" not in stack.part("collector").texts("ports"):
        yield stack.wrong("collector", f"must publish 127.0.0.1:{port}:{port}, where the service's log lines go.")
    if not stack.read(COLLECTOR).text("receivers", "fluent_forward", "endpoint").endswith(f":{port}"):
        yield Finding(COLLECTOR, f"the endpoint of fluent_forward must have port {port}, where the log lines go.")
    if options.text("tag") != stack.project.slug:
        yield stack.wrong("service", f"must log with the tag {stack.project.slug}.")


def _fields(stack: Stack) -> Iterator[Finding]:
    """The collector reads fields that log lines have, and its pipelines name declared parts."""
    collector, known = stack.read(COLLECTOR), contract.of(stack.project).fields
    read = set(re.findall(r'cache\["(\w+)"\]', " ".join(strings(collector.at("processors")))))
    for name in sorted(read - known):
        yield Finding(COLLECTOR, f"reads the field {name}, which log lines do not have.")
    for name in sorted({"service", "trace_id"} - read):
        yield Finding(COLLECTOR, f"must read the field {name} of log lines.")
    for pipeline, kinds in collector.parts("service", "pipelines").items():
        for kind in kinds.mapping():
            for name in sorted(set(kinds.texts(kind)) - collector.mapping(kind).keys()):
                yield Finding(COLLECTOR, f"the pipeline {pipeline} names {name}, which is not in {kind}.")


def _targets(stack: Stack) -> Iterator[Finding]:
    """Links between signals name existing data sources, and labels and fields that the other side has."""
    sources = _sources(stack)
    exemplar = sources["prometheus"].first("exemplarTraceIdDestinations")
    derived = sources["loki"].first("derivedFields")
    logs, metrics = (Document(SOURCES, sources["tempo"].mapping(f"tracesTo{to}")) for to in ("LogsV2", "Metrics"))
    wanted = {"exemplars": (exemplar, "tempo"), "derivedFields": (derived, "tempo")}
    for name, (link, uid) in (
        wanted | {"tracesToLogsV2": (logs, "loki"), "tracesToMetrics": (metrics, "prometheus")}
    ).items():
        if link.find("datasourceUid") != uid:
            yield Finding(SOURCES, f"datasourceUid of {name} must be {uid}.")
    for name, value in {"exemplars": exemplar.find("name"), "derivedFields": derived.find("matcherRegex")}.items():
        if value != "trace_id":
            yield Finding(SOURCES, f"{name} must read trace_id, not {value}.")
    labels = {"env", "service"}  # without `process`: one trace may be about several kinds of process
    if {tag.text("value") for tag in metrics.items("tags")} != labels:
        yield Finding(
            SOURCES, f"tags of tracesToMetrics must be the labels of the target: {', '.join(sorted(labels))}."
        )


def _queries(stack: Stack) -> Iterator[Finding]:
    """The queries from a trace to metrics read metrics of the contract."""
    known = contract.of(stack.project).series()
    texts = " ".join(strings(_sources(stack)["tempo"].at("tracesToMetrics", "queries")))
    queried = set(re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{", texts))
    for name in sorted(queried - known.keys()):
        yield Finding(SOURCES, f"a query of tracesToMetrics reads {name}, which the contract does not have.")
    if not queried:
        yield Finding(SOURCES, "tracesToMetrics must have queries that read metrics of the contract.")


def _attributes(stack: Stack) -> Iterator[Finding]:
    """Links and the collector use resource attributes of the contract."""
    known = set(contract.of(stack.project).fact("resource", "attributes"))
    tempo, collector = _sources(stack)["tempo"], stack.read(COLLECTOR)
    tags = [tag for to in ("tracesToLogsV2", "tracesToMetrics") for tag in tempo.items(to, "tags")]
    for key in sorted({tag.text("key") for tag in tags} - known):
        yield Finding(SOURCES, f"a tag names {key}, which is not a resource attribute of the contract.")
    keys = set(collector.texts("processors", "groupbyattrs", "keys"))
    statements = " ".join(strings(collector.at("processors", "transform/lines")))
    written = set(re.findall(r'set\(attributes\["([\w.]+)"\]', statements))
    for key in sorted(keys - known):
        yield Finding(COLLECTOR, f"groupbyattrs names {key}, which is not a resource attribute of the contract.")
    for key in sorted(keys ^ written):
        yield Finding(COLLECTOR, f"{key} must be both written by transform/lines and among the keys of groupbyattrs.")


PARTS: tuple[Callable[[Stack], Iterator[Finding]], ...] = (_addresses, _lines, _fields, _targets, _queries, _attributes)
