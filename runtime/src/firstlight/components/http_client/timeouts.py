"""Compares the timeouts of callers and callees: the inner of two must end first.

A handler that ends before the call that it makes can neither use a fallback nor say what failed. A dependency that may
take longer than the call works for nobody.
"""

from collections.abc import Iterator, Sequence

from ...operations.operation import Operation
from ...settings import Settings
from .dependency import Dependency
from .settings import HttpClientSettings

TOTAL = "HTTP_CLIENT_TIMEOUT_SECONDS"


def contradictions(
    settings: HttpClientSettings, service: Settings, operations: Sequence[Operation], *, declared: Sequence[Dependency]
) -> Iterator[str]:
    """One sentence for each pair of timeouts that end in the wrong order."""
    given = {dependency.name: dependency for dependency in declared}
    for name in {**given, **settings.dependencies}:
        dependency = given.get(name) or Dependency(name)
        seconds = dependency.total_seconds or settings.timeout_seconds
        limit = f"total_seconds of {name}" if dependency.total_seconds else TOTAL
        if 0 < service.handler_seconds <= seconds:
            yield _outlives(f"a call of {name}", seconds, limit, "HANDLER_SECONDS", service.handler_seconds)
        for row in operations:
            if name in row.calls and row.deadline_seconds and row.deadline_seconds <= seconds:
                ends = f"deadline_seconds of {row.method} {row.path}"
                yield _outlives(f"a call of {name}", seconds, limit, ends, row.deadline_seconds)
        if dependency.callee_seconds is not None:
            yield from _abandons(dependency, dependency.callee_seconds, seconds, limit)
    for row in operations:
        for name in row.calls:
            if name not in given and name not in settings.dependencies:
                yield f"{row.method} {row.path} calls {name}, which HTTP_CLIENT_DEPENDENCIES does not have"


def _outlives(call: str, seconds: float, limit: str, ends: str, until: float) -> str:
    return (
        f"{call} may take {seconds:g} s ({limit}), and the handler that makes it ends after {until:g} s ({ends}): "
        "make the call end first"
    )


def _abandons(dependency: Dependency, callee: float, seconds: float, limit: str) -> Iterator[str]:
    """An attempt that ends before the dependency does."""
    if dependency.read_seconds is not None and dependency.read_seconds < seconds:
        seconds, limit = dependency.read_seconds, f"read_seconds of {dependency.name}"
    if seconds < callee:
        yield (
            f"{dependency.name} may take {callee:g} s for a call that this service gives up after {seconds:g} s "
            f"({limit}): make the call wait longer, or the dependency end earlier"
        )
