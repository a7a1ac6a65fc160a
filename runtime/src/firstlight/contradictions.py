"""Settings that are right alone and hinder each other: the start warns, and `make doctor` shows the same sentences."""

from collections.abc import Iterable, Iterator

import structlog

from .operations.operation import Operation
from .server.lifespan import Part
from .service import Service
from .settings import Settings

log = structlog.get_logger()


def contradictions(service: Service, settings: Settings, parts: Iterable[Part]) -> Iterator[tuple[str, str]]:
    """The name of each component with one sentence."""
    declared = (service.routes, *(component.routes for component in service.components))
    operations = [row for rows in declared for row in rows if isinstance(row, Operation)]
    for part in parts:
        find = part.component.contradictions
        if find is not None:
            for sentence in find(part.settings, settings, operations):
                yield part.component.name, sentence


def warn(service: Service, settings: Settings, parts: Iterable[Part]) -> None:
    """Log one warning for each."""
    for name, sentence in contradictions(service, settings, parts):
        log.warning("settings.contradiction_found", component=name, reason=sentence)
