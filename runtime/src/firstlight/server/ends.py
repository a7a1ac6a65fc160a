"""Opens and closes components. Each failure is reported once, with the name of the component."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import partial
from typing import Any

import structlog

from .. import failures
from ..errors import SettingsError
from ..logs.redaction import redact_text
from ..summary import summary
from .times import CLOSE_SECONDS, OPEN_SECONDS

log = structlog.get_logger()


class Ends:
    """Opens and closes the components of one process."""

    def __init__(self) -> None:
        """Nothing has failed."""
        self.unclosed = False  # a component did not close
        self.closing = ""  # the component that closes now
        self.cut: list[str] = []  # components whose close took too long
        self._reported = False  # the reason of a failed start has been reported

    @contextmanager
    def reporting(self, event: str, **fields: str) -> Iterator[None]:
        """Report an error that stops the start, with these fields."""
        try:
            yield
        except BaseException as error:
            if failures.is_survived(error) and not self._reported:
                self._reported = True
                if isinstance(error, SettingsError):
                    log.error(event, reason=str(error), **fields)  # noqa: TRY400 - the sentence says it all
                else:
                    failures.report("start", event, error, **fields)
            raise

    async def opened(
        self, stack: AsyncExitStack, name: str, create: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> Any:
        """Open a component, which `stack` will close. Returns its resource."""
        with self.reporting("component.open_failed", component=name):
            manager = create()
            async with asyncio.timeout(OPEN_SECONDS):
                resource = await manager.__aenter__()
        stack.push_async_exit(partial(self.close, name, manager))
        return resource

    async def close(self, name: str, manager: AbstractAsyncContextManager[Any], *raised: Any) -> None:
        """Close a component. An error neither keeps another open nor replaces the reason of a failed start."""
        self.closing = name
        try:
            async with asyncio.timeout(CLOSE_SECONDS) as limit:
                await manager.__aexit__(*raised)
        except BaseException as error:
            if error is raised[1] or not failures.is_survived(error):
                raise
            self.unclosed = True
            reason = summary(error)
            if limit.expired():
                self.cut.append(name)
                reason = f"cut after {CLOSE_SECONDS:g} s"
            failures.report("stop", "component.close_failed", error, component=name, reason=redact_text(reason))
        finally:
            self.closing = ""
