"""The process that the management plane shows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..lifecycle import Lifecycle
from ..service import Service
from ..settings import Settings
from .health import Health


class Subject(NamedTuple):
    """A process of the service, and what can be read of it while it runs."""

    service: Service
    settings: Settings
    process: str
    """Its kind, such as `web`."""
    health: Health
    lifecycle: Lifecycle
    resources: Mapping[str, Any]
    """The open resources, by component. It grows while the components open."""
