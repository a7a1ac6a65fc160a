"""The conditions that the start waits for: declared by components, asked before the port opens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from ..logs.redaction import redact_text

POLL_SECONDS = 0.1

log = structlog.get_logger()
Condition = Callable[[], Awaitable[object]]


async def wait_until_ready(conditions: Mapping[str, Condition]) -> None:
    """Wait until no condition raises. One event when the wait begins, one when it ends."""
    for component, condition in conditions.items():
        reason = await _reason(condition)
        if reason:
            log.warning("startup.delayed", component=component, reason=reason)
            while await _reason(condition):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(POLL_SECONDS)
            log.info("startup.resumed", component=component)


async def _reason(condition: Condition) -> str:
    """Why the start has to wait; empty when it does not."""
    try:
        await condition()
    except Exception as error:  # noqa: BLE001 - any exception means: not yet
        return redact_text(f"{type(error).__name__}: {error}".rstrip(": "))
    return ""
