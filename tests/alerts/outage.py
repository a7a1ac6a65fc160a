# mypy: disable-error-code="import-not-found"
"""A generated service whose database does not answer while there is a file `outage` in its directory."""

import asyncio
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from firstlight import Operation, Service, main
from starlette.requests import Request
from starlette.responses import Response


def without_a_database(operation: Operation) -> Operation:
    """The operation, with a database in front of its handler."""

    async def handler(request: Request) -> Response:
        if Path("outage").exists():  # noqa: ASYNC240 - one stat of a local file
            await asyncio.sleep(0.5)
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
