"""uvicorn's lifespan protocol without log lines, because errors in the lifespan are reported where they occur."""

import logging
from typing import Any

from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn

from .. import failures


class LifespanProtocol(LifespanOn):
    """Replaces uvicorn's lines, which would repeat ours, one of them with a traceback as its event."""

    def __init__(self, config: Config) -> None:
        """Not started."""
        super().__init__(config)
        self.logger = _Reporter("lifespan")


class _Reporter(logging.Logger):
    def info(self, *_: Any, **__: Any) -> None:
        """Log nothing: our own events say it."""

    def error(self, *_: Any, exc_info: Any = None, **__: Any) -> None:
        """Report an exception that was raised while the application was created, and is not reported yet."""
        if exc_info is not None and failures.is_survived(exc_info):
            failures.report("start", "service.start_failed", exc_info)
