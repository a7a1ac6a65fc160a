"""A service that reads rows through the cache. Tests run it as a real process."""

import sys
from pathlib import Path
from runpy import run_path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firstlight import Service, main
from firstlight.components.cache import CACHE, Cached

ROWS = Cached("rows", type=str)


async def read(request: Request) -> Response:
    """Read one row."""
    name = request.path_params["name"]

    async def load() -> str:
        return f"row {name}"

    return PlainTextResponse(await CACHE.of(request).read(ROWS, name, load))


SERVICE = Service(
    identity=run_path(str(Path(__file__).parents[1] / "faults.py"))["IDENTITY"],
    components=[CACHE],
    routes=[Route("/rows/{name}", read)],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
