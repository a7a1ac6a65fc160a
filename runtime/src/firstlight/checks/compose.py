"""The containers of compose.yaml, which are called parts here, and the files that configure them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import document
from .document import Document, strings
from .finding import Finding, FindingError
from .project import Project

COMPOSE = "compose.yaml"
PROMETHEUS = "ops/prometheus/prometheus.yml"
COLLECTOR = "ops/collector/collector.yaml"
LOKI, TEMPO = "ops/loki/loki.yaml", "ops/tempo/tempo.yaml"
GRAFANA = "ops/grafana/provisioning"


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack of a service. Each file is read once."""

    project: Project
    _read: dict[str, Document] = field(default_factory=dict)

    def read(self, file: str) -> Document:
        """A file of the stack. Raises `FindingError`."""
        if file not in self._read:
            self._read[file] = document.read(self.project, file)
        return self._read[file]

    @property
    def parts(self) -> Mapping[str, Document]:
        """Every service of compose.yaml and of the files it includes, by name."""
        return {name: part for file in self._files() for name, part in self.read(file).parts("services").items()}

    def _files(self) -> list[str]:
        compose = self.read(COMPOSE)
        included = compose.entries("include")
        return [COMPOSE, *(each.content if isinstance(each.content, str) else each.text("path") for each in included)]

    @property
    def ending(self) -> set[str]:
        """The parts that run to their end before others start, such as commands. They listen on no port."""
        waits = (part.find("depends_on") for part in self.parts.values())
        conditions = [(name, how) for each in waits if isinstance(each, dict) for name, how in each.items()]
        return {name for name, how in conditions if how == {"condition": "service_completed_successfully"}}

    def part(self, name: str) -> Document:
        """One service. Raises `FindingError`."""
        if name not in self.parts:
            raise FindingError(COMPOSE, f"must start {name}, in itself or in a file that it includes.")
        return self.parts[name]

    @property
    def service(self) -> Document:
        """The service itself."""
        return self.part("service")

    @property
    def prometheus(self) -> Document:
        """The configuration of Prometheus."""
        return self.read(PROMETHEUS)

    @property
    def job(self) -> Document:
        """The job that scrapes the service. Raises `FindingError`."""
        jobs = [job for job in self.prometheus.items("scrape_configs") if job.find("job_name") == "service"]
        if len(jobs) != 1:
            raise FindingError(PROMETHEUS, "must have one job with job_name: service.")
        return jobs[0]

    def wrong(self, part: str, sentence: str) -> Finding:
        """A finding about a part, in the file that declares it."""
        return Finding(self.part(part).file, f"{part} {sentence}")

    def mounts(self, name: str) -> Mapping[str, str]:
        """The directories of this repository that are mounted: source by target."""
        pairs = [_mount(volume) for volume in self.part(name).entries("volumes")]
        return {target: source for source, target in pairs if source.startswith("./")}

    def published(self, name: str) -> set[int]:
        """The ports of a container that are published or exposed."""
        part = self.part(name)
        return {_port(part.file, port) for port in (*part.texts("ports"), *part.texts("expose"))}

    def listening(self) -> Mapping[str, set[int]]:
        """The ports on which each part listens, from its own configuration if it has one."""
        collector, loki, tempo = self.read(COLLECTOR), self.read(LOKI), self.read(TEMPO)
        reader = collector.first("service", "telemetry", "metrics", "readers")
        own_metrics = int(reader.number("pull", "exporter", "prometheus", "port"))
        return {name: self.published(name) for name in self.parts} | {
            "collector": {*_endpoints(collector, "receivers"), own_metrics},
            "loki": {int(loki.number("server", "http_listen_port"))},
            "tempo": {*_endpoints(tempo, "distributor"), int(tempo.number("server", "http_listen_port"))},
            "localhost": self.published("prometheus"),  # Prometheus scrapes itself
        }


def _mount(volume: Document) -> tuple[str, str]:
    """Source and target of a volume, from the short or the long form."""
    if isinstance(volume.content, dict):
        return str(volume.find("source") or ""), volume.text("target")
    source, _, rest = str(volume.content).partition(":")
    return source, rest.partition(":")[0]


def _endpoints(configuration: Document, key: str) -> set[int]:
    return {_port(configuration.file, text) for text in strings(configuration.at(key)) if ":" in text}


def _port(file: str, address: str) -> int:
    """The port at the end of an address."""
    number = address.rpartition(":")[2].partition("/")[0]
    if not number.isdigit():
        raise FindingError(file, f"{address} must end in a port.")
    return int(number)
