"""What the service declares and consists of: settings, routes, distributions. It does not change while it runs."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from ..development import dotenv, handover
from ..effective import parts
from ..errors import SettingsError
from ..operations.operation import Operation
from ..service import Service

Rows = Sequence[Mapping[str, Any]]


def settings(service: Service) -> Rows:
    """Every setting with its value (`set` for a secret), its source, and what is wrong with it."""
    return [
        {"part": part.title, **setting._asdict()} for part in parts(service, _sources()) for setting in part.settings
    ]


def _sources() -> Mapping[str, str]:
    """The variables that the supervisor has read from `.env`."""
    if not handover.is_supervised():
        return {}
    try:
        return dict.fromkeys(map(str.upper, dotenv.read(Path.cwd() / dotenv.FILE)), dotenv.FILE)
    except SettingsError:
        return {}


def routes(service: Service) -> Rows:
    """Every route of the service and of its components. A plain route has no operation."""
    declared = (service.routes, *(component.routes for component in service.components))
    return [row for rows in declared for route in rows for row in _rows(route, "")]


def _rows(route: BaseRoute | Operation, prefix: str) -> Iterator[Mapping[str, Any]]:
    if isinstance(route, Operation):
        version = route.version.name if route.version is not None else None
        yield {"method": route.method, "path": route.path, "operation": route.id, "version": version}
        return
    path = f"{prefix}{getattr(route, 'path', '')}"
    below: Sequence[BaseRoute] | None = getattr(route, "routes", None)
    for inner in below or ():
        yield from _rows(inner, path)
    if below:
        return
    methods = sorted(getattr(route, "methods", None) or ())
    method = ",".join(methods) or ("WEBSOCKET" if "WebSocket" in type(route).__name__ else "*")
    yield {"method": method, "path": path, "operation": None, "version": None}


def versions(service: Service) -> Rows:
    """The service, Python, and every other distribution that is installed."""
    own = [(service.identity.name, service.identity.version), ("python", platform.python_version())]
    if service.identity.template_version:
        own.append(("template", service.identity.template_version))
    names = {name for name, _ in own}
    installed = {str(each.metadata["Name"]): each.version for each in metadata.distributions()}
    others = [pair for pair in installed.items() if pair[0] not in names]
    every = [*own, *sorted(others, key=lambda pair: pair[0].lower())]
    return [{"name": name, "version": version} for name, version in every]
