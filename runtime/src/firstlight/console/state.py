"""The state of the service: checks with their history, dependencies, components, background work and processes."""

import os
import platform
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ..component import Component
from ..management.subject import Subject
from .dependencies import background, dependencies

CHANGES = 50  # of one check
MOST_CHECKS = 200


class State:
    """Reads the state, and remembers the changes of checks."""

    def __init__(self, subject: Subject) -> None:
        """The process starts now."""
        self._subject = subject
        self._began = time.time()
        self._history: dict[str, deque[tuple[float, str]]] = {}

    def look(self) -> None:
        """Note the checks that have changed since the last call."""
        for name, state in list(self._subject.health.checks.items())[:MOST_CHECKS]:
            changes = self._history.setdefault(name, deque(maxlen=CHANGES))
            if not changes or changes[-1][1] != state.status:
                changes.append((round(time.time(), 3), state.status))

    def shown(self) -> Mapping[str, Any]:
        """Everything as JSON."""
        return {
            "service": self._service(),
            "checks": self._checks(),
            "dependencies": dependencies(),
            "components": [self._component(component) for component in self._subject.service.components],
            "background": background(),
            "processes": self._processes(),
        }

    def _service(self) -> Mapping[str, Any]:
        of = self._subject
        details = {key: value for key, value in of.health.details().items() if key != "checks"}
        return {
            **of.service.identity.details(of.settings.revision),
            **details,
            "environment": of.settings.environment,
            "process": of.process,
            "instance": of.service.identity.instance,
            "pid": os.getpid(),
            "python": platform.python_version(),
            "started_at": round(self._began, 3),
            "port": of.settings.port,
            "management_port": of.lifecycle.management_port,
            "active_requests": len(of.lifecycle.requests),
            "active_websockets": len(of.lifecycle.websockets),
        }

    def _checks(self) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "name": name,
                "status": state.status,
                "output": state.output,
                "critical": state.check.critical,
                "history": [{"time": at, "status": status} for at, status in list(self._history.get(name, ()))],
            }
            for name, state in list(self._subject.health.checks.items())
        ]

    def _component(self, component: Component[Any, Any]) -> Mapping[str, Any]:
        return {
            "name": component.name,
            "open": component.name in self._subject.resources,
            "requires": [_text(each) for each in component.requires],
            "uses": [_text(each) for each in component.uses],
            "routes": len(component.routes),
            "section": component.console is not None,
        }

    def _processes(self) -> Sequence[Mapping[str, Any]]:
        ports, own = self._subject.service.management_ports, self._subject.lifecycle.management_port
        return [
            {
                "name": name,
                "management_port": own if name == self._subject.process else port,
                "here": name == self._subject.process,
            }
            for name, port in ports.items()
        ]


def _text(requirement: str | tuple[str, ...]) -> str:
    return requirement if isinstance(requirement, str) else " or ".join(requirement)
