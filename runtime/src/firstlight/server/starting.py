"""Waits for the `ready_to_start` of components before the port opens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from .. import failures
from ..logs.redaction import redact_text
from ..summary import summary

POLL_SECONDS = 0.1
ANSWER_SECONDS = 2.0  # a condition that takes longer is not met

log = structlog.get_logger()
Condition = Callable[[], Awaitable[object]]


class StartError(Exception):
    """A `ready_to_start` did not succeed within the timeout."""


async def wait_until_ready(conditions: Mapping[str, Condition], timeout: float | None = None) -> None:  # noqa: ASYNC109
    """Wait until no condition raises. One event when the wait begins, one when it ends.

    Raises `StartError` after `timeout` seconds. A server has none: the startup probe of its platform has a limit.
    """
    for component, condition in conditions.items():
        reason = await _reason(condition)
        if reason:
            log.warning("startup.delayed", component=component, reason=reason)
            try:
                async with asyncio.timeout(timeout):
                    while await _reason(condition):  # noqa: ASYNC110 - only asking tells
                        await asyncio.sleep(POLL_SECONDS)
            except TimeoutError:
                msg = f"{component} is not ready to start after {timeout:g} s: {reason}"
                raise StartError(msg) from None
            log.info("startup.resumed", component=component)


async def _reason(condition: Condition) -> str:
    """Why the start has to wait, or an empty text."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await condition()
    except BaseException as error:
        if not failures.is_survived(error):
            raise
        return redact_text(summary(error))
    return ""
