"""Which signals the environment wants exported, and what of it contradicts itself: for warnings at the start."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .variables import BY_FIELD, Variable

_GENERAL = "OTEL_EXPORTER_OTLP_"
_ENDPOINT = f"{_GENERAL}ENDPOINT"

Read = Callable[[str], object]
"""The value of the variable with this name, or None if it has no valid one."""


class OptionalSignal(NamedTuple):
    """A signal that is exported only where its variable says so."""

    name: str
    prefixes: tuple[str, ...]
    """Of the variables that have an effect only then."""
    instead: str

    @property
    def exporter(self) -> str:
        """The variable that switches it on."""
        return f"OTEL_{self.name}_EXPORTER"

    @property
    def endpoint(self) -> str:
        """The variable for where it goes."""
        return f"{_GENERAL}{self.name}_ENDPOINT"


OPTIONAL = (
    OptionalSignal("LOGS", (f"{_GENERAL}LOGS_", "OTEL_BLRP_"), "log lines go to standard output"),
    OptionalSignal(
        "METRICS", (f"{_GENERAL}METRICS_", "OTEL_METRIC_EXPORT_"), "metrics are scraped from the management port"
    ),
)


def unused(variable: Variable, read: Read) -> tuple[str, str] | None:
    """Why the variable has no effect, and what happens instead. None where it has one."""
    for signal in OPTIONAL:
        if variable.name.startswith(signal.prefixes) and not _is_wanted(signal, read):
            return f"has an effect only with {signal.exporter}=otlp", signal.instead
    return None


def without_endpoint(read: Read) -> Iterator[tuple[str, str, str]]:
    """The variable of each signal that is wanted and cannot be sent, why not, and what happens instead."""
    for signal in OPTIONAL:
        if _is_wanted(signal, read) and not (read(_ENDPOINT) or read(signal.endpoint)):
            yield signal.exporter, f"needs an endpoint in {_ENDPOINT} or {signal.endpoint}", signal.instead


def is_overruled(variable: Variable, read: Read) -> bool:
    """Whether each signal that is wanted has a value of its own for this option."""
    name = variable.name.removeprefix(_GENERAL)
    if not variable.name.startswith(_GENERAL) or f"otel_exporter_otlp_traces_{name.lower()}" not in BY_FIELD:
        return False
    wanted = ["TRACES", *(signal.name for signal in OPTIONAL if _is_wanted(signal, read))]
    return all(read(f"{_GENERAL}{signal}_{name}") is not None for signal in wanted)


def _is_wanted(signal: OptionalSignal, read: Read) -> bool:
    return read(signal.exporter) == "otlp"
