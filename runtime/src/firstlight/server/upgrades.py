"""The upgrade of connections: to websocket, if the service has a route for one."""

import asyncio
import os
from collections.abc import Iterable
from functools import partial
from typing import Any, Literal, cast

from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ..requests.refusals import Refusals
from ..service import Service
from .connections import Connections

MAX_FIELDS = 1000  # of a handshake


def websockets_of(
    service: Service, limited_by: Connections, refusals: Refusals
) -> type[asyncio.Protocol] | Literal["none"]:
    """The protocol class of websockets, or "none" if the service has no route for one. Then no library is imported.

    A mounted application counts as a route for websockets, because it may have one.
    """
    declared = (service.routes, *(component.routes for component in service.components))
    if not any(_takes_websockets(rows) for rows in declared):
        return "none"
    # The library has limits of its own for a head, below those of HTTP, and reads them when it is imported.
    os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(limited_by.limits.max_head_bytes))
    os.environ.setdefault("WEBSOCKETS_MAX_NUM_HEADERS", str(MAX_FIELDS))
    from .websocket import LimitedWebsocket  # noqa: PLC0415 - a library for few services

    protocol = partial(LimitedWebsocket, limited_by=limited_by, refusals=refusals)
    return cast("type[asyncio.Protocol]", protocol)


def _takes_websockets(rows: Iterable[Any]) -> bool:
    return any(_takes_websocket(row) for row in rows)


def _takes_websocket(row: Any) -> bool:
    if isinstance(row, WebSocketRoute):
        return True
    below = getattr(row, "routes", None)
    if below:
        return _takes_websockets(below)
    return isinstance(row, Mount) and not isinstance(row.app, StaticFiles)
