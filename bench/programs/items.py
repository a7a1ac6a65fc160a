# mypy: disable-error-code="import-not-found"
"""The route under test, the same in every server."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route


async def item(request: Request) -> JSONResponse:
    """Answer with a small document."""
    return JSONResponse({"id": request.path_params["id"], "name": "An item", "price": 12.5, "tags": ["a", "b"]})


ITEMS: list[BaseRoute] = [Route("/items/{id}", item)]
