"""The lifespans of mounted applications. Starlette itself runs only that of the outermost application."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from ..mounted import applications
from ..service import Service
from .ends import Ends


async def opened(ends: Ends, stack: AsyncExitStack, service: Service) -> Mapping[str, Any]:
    """Start the applications, which `stack` will stop. Returns what they add to the state of requests.

    As for components, errors are reported with the path, and the time of each start and end is limited.
    """
    state: dict[str, Any] = {}
    for path, app in applications(service):
        create = partial(app.router.lifespan_context, app)
        state |= await ends.opened(stack, f"application {path}", create) or {}
    return state
