"""The service as one value. The team declares it in service.py; the runtime runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.routing import BaseRoute

from .component import Background, Component
from .identity import Identity
from .latency import Latency
from .logs.secret_names import Redaction
from .management.check import Check
from .operations.operation import Operation
from .settings import Settings
from .slo import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the team declares. Only `identity` is required."""

    identity: Identity
    settings: type[Settings] = Settings
    """`Settings`, or a subclass with the team's fields."""
    components: Sequence[Component[Any, Any]] = ()
    """In the order in which they are opened. What a component requires or uses must stand before it."""
    routes: Sequence[BaseRoute | Operation] = ()
    objectives: Sequence[Objective] = ()
    """The team's own objectives, in addition to availability and latency."""
    latency: Mapping[str, Latency | None] = field(default_factory=dict)
    """Latency objectives by path, for plain routes. An `Operation` has its own `latency`."""
    checks: Sequence[Check] = ()
    background: Sequence[Background] = ()
    redaction: Redaction = field(default_factory=Redaction)
    """What telemetry hides in addition to secrets and personal data, and what it shows although it looks secret."""

    def within(self, settings: Settings) -> "Service":
        """A copy with the name, version and instance that the environment gives, if any."""
        return replace(self, identity=self.identity.within(settings.service_name, settings.resource_attributes))

    @property
    def management_ports(self) -> Mapping[str, int]:
        """The default management port of each kind of process: from `service.toml`, else the next unused number."""
        ports = dict(self.identity.management_ports)
        for process in (name for component in self.components for name in component.processes):
            ports.setdefault(process, max(ports.values()) + 1)
        return ports
