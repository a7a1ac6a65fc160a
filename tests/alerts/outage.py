# mypy: disable-error-code="import-not-found"
"""A generated service whose database does not answer while there is a file `outage` in its working directory.

The file says which part of the requests fails for it, `1` or `2`: every one, or every second. Those that do not are
slow. The slug `broken` always fails, at once.
"""

import asyncio
import sys
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path

from firstlight import Operation, Service, main
from starlette.requests import Request
from starlette.responses import Response


def without_a_database(operation: Operation) -> Operation:
    """The operation, with a database in front of its handler."""
    asked = count()

    async def handler(request: Request) -> Response:
        if request.path_params["slug"] == "broken":
            msg = "this link is broken"
            raise ValueError(msg)
        if Path("outage").exists():  # noqa: ASYNC240 - one stat of a local file
            await asyncio.sleep(0.5)
            if next(asked) % int(Path("outage").read_text("utf-8")) == 0:  # noqa: ASYNC240 - a byte of a local file
                msg = "the database does not answer"
                raise TimeoutError(msg)
        answer: Response = await operation.handler(request)
        return answer

    return replace(operation, handler=handler)


def failing(service: Service) -> Service:
    """The service with a database behind its redirects."""
    routes = [without_a_database(each) if each.path == "/r/{slug}" else each for each in service.routes]
    return replace(service, routes=routes)


if __name__ == "__main__":
    sys.exit(main(failing(import_module(f"{sys.argv[1]}.service").SERVICE), ()))
