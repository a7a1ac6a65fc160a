# mypy: disable-error-code="import-not-found, import-untyped"
"""Values that raise when they are formatted, and a handler that logs them: a module of the generated service."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

MIB = 1 << 20

log = structlog.get_logger()


class OnDemandError(Exception):
    """What fails here fails with this."""


class UnprintableError(Exception):
    """Cannot be turned into text."""

    def __str__(self) -> str:
        """Fail."""
        raise OnDemandError


class Hostile(str):
    """Text that fails whatever is asked of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Fail."""
        raise OnDemandError

    __str__ = __repr__


class HostileMapping(dict[str, Any]):
    """A mapping that fails when it is read."""

    def items(self) -> Any:  # noqa: ANN401 - it returns nothing
        """Fail."""
        raise OnDemandError


class HostileIterable(list[Any]):
    """A list that fails when it is read."""

    def __iter__(self) -> Any:  # noqa: ANN401 - it returns nothing
        """Fail."""
        raise OnDemandError


class HostileZone(tzinfo):
    """A time zone that fails."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        """Fail."""
        raise OnDemandError

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str | None:
        """Fail."""
        raise OnDemandError


def hostile_values() -> Sequence[object]:
    """What a logging call should survive."""
    endless: list[object] = []
    endless.append(endless)
    return (
        Hostile("x"),
        {Hostile("key"): 1},
        HostileMapping(a=1),
        HostileIterable([1]),
        datetime(2026, 1, 1, tzinfo=HostileZone()),
        datetime.now(UTC),
        UnprintableError(),
        endless,
        b"\xff\x00",
        "\ud800",
        float("nan"),
        10**5000,
        object(),
        "x" * (10 * MIB),
    )


async def hostile(_: Request) -> Response:
    """Log every hostile value: as a field, as an argument, as a key, bound to the request."""
    calls: list[Callable[[Any], object]] = [
        lambda value: log.info("fault.logged", value=value),
        lambda value: log.info("fault.logged", value={"nested": [value]}),
        lambda value: log.info("fault.logged %s %s", value),  # noqa: PLE1206 - one argument too few is a fault
        log.info,
        lambda value: structlog.contextvars.bind_contextvars(bound=value),
    ]
    for value in hostile_values():
        for call in calls:
            call(value)
        log.info("fault.logged")
    return PlainTextResponse("logged")
