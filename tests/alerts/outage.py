# mypy: disable-error-code="import-not-found"
"""A generated service whose database does not answer while there is a file `outage` in its working directory.

The file says which part of the requests fails for it, `1` or `2`: every one, or every second. Those that do not are
slow. The slug `broken` always fails, at once. `/wait` has four threads, which answer twenty requests a second.
"""

import asyncio
import sys
import time
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from firstlight import Background, Operation, Service, main
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


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


def wait(_: Request) -> Response:
    """Keep a thread for a fifth of a second."""
    time.sleep(0.2)
    return PlainTextResponse("done")


async def have_four_threads(_: object) -> None:
    """Limit the threads, so that little traffic is an overload."""
    current_default_thread_limiter().total_tokens = 4


def failing(service: Service) -> Service:
    """The service with a database behind its redirects."""
    routes = [without_a_database(each) if each.path == "/r/{slug}" else each for each in service.routes]
    background = [*service.background, Background("have_four_threads", have_four_threads)]
    return replace(service, routes=[*routes, Route("/wait", wait)], background=background)


if __name__ == "__main__":
    sys.exit(main(failing(import_module(f"{sys.argv[1]}.service").SERVICE), ()))
