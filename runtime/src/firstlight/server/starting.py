"""Waits for the `ready_to_start` of components before the port opens."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from .. import failures
from ..logs.redaction import redact_text
from ..summary import summary

POLL_SECONDS = 0.1
ANSWER_SECONDS = 2.0  # a condition that takes longer is not met
REASONS = 10  # of one condition that are logged: a reason may have a number that changes

log = structlog.get_logger()
Condition = Callable[[], Awaitable[object]]


class StartError(Exception):
    """A `ready_to_start` did not succeed within the timeout."""


async def wait_until_ready(
    conditions: Mapping[str, Condition],
    timeout: float | None = None,  # noqa: ASYNC109
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Wait until no condition raises. One event when the wait begins, one for each other reason, one when it ends.

    Raises `StartError` after `timeout` seconds. A server has none: the startup probe of its platform has a limit.
    """
    for component, condition in conditions.items():
        reasons: list[str] = []
        try:
            async with asyncio.timeout(timeout):
                while reason := await _reason(condition):
                    if reason not in reasons and len(reasons) < REASONS:
                        log.warning("startup.delayed", component=component, reason=reason)
                        reasons.append(reason)
                    await asyncio.sleep(poll_seconds)
        except TimeoutError:
            msg = f"{component} is not ready to start after {timeout:g} s: {reasons[-1] if reasons else 'no answer'}"
            raise StartError(msg) from None
        if reasons:
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
