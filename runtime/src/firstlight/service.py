"""The service as one value: the team's page holds it, and the runtime makes the running service from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.routing import BaseRoute

from .component import Background, Component
from .identity import Identity
from .latency import Latency
from .logs.secret_names import Redaction
from .management.check import Check
from .operation import Operation
from .settings import Settings
from .slo import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the team declares. Only `identity` has to be given."""

    identity: Identity
    settings: type[Settings] = Settings
    """The runtime's settings, with the team's fields added in a subclass."""
    components: Sequence[Component[Any, Any]] = ()
    """In the order in which they are opened: what a component requires stands before it."""
    routes: Sequence[BaseRoute | Operation] = ()
    objectives: Sequence[Objective] = ()
    """Objectives of the business. Availability and latency are there already."""
    latency: Mapping[str, Latency | None] = field(default_factory=dict)
    """By the path of a route, where the latency objective of the service does not fit it. Operations have their own."""
    checks: Sequence[Check] = ()
    background: Sequence[Background] = ()
    redaction: Redaction = field(default_factory=Redaction)
    """What telemetry hides besides secrets and personal data, and what it shows although it looks like one."""

    def within(self, settings: Settings) -> "Service":
        """The same under the name, version and instance that the environment gives it."""
        return replace(self, identity=self.identity.within(settings.service_name, settings.resource_attributes))

    @property
    def management_ports(self) -> Mapping[str, int]:
        """The port of each kind of process: that of `service.toml`, or the next free one for a process of the team."""
        ports = dict(self.identity.management_ports)
        for process in (name for component in self.components for name in component.processes):
            ports.setdefault(process, max(ports.values()) + 1)
        return ports
