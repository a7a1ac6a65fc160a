"""uvicorn's side of the lifespan, which logs nothing: what fails in it has been reported where it failed."""

import logging
from typing import Any

from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn

from .. import failures


class LifespanProtocol(LifespanOn):
    """Its lines would be second ones, one of them with a traceback as its event."""

    def __init__(self, config: Config) -> None:
        """Not started."""
        super().__init__(config)
        self.logger = _Reporter("lifespan")


class _Reporter(logging.Logger):
    def info(self, *_: Any, **__: Any) -> None:
        """Our own events say it."""

    def error(self, *_: Any, exc_info: Any = None, **__: Any) -> None:
        """Report an exception, which nothing inside the application can have seen: building it has failed."""
        if exc_info is not None and failures.is_survived(exc_info):
            failures.report("start", "service.start_failed", exc_info)
