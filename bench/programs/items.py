# mypy: disable-error-code="import-not-found"
"""The routes under test, the same in every server: a small document, and a link as the example answers with.

They answer through Starlette's own class. Where the service is installed, `answers.py` has the link through the class
that the example's handlers use, so that the bare route and the service pay for the same JSON encoder.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

CREATED = datetime(2026, 11, 26, 12, 30, 15, 123456, tzinfo=UTC)


async def item(request: Request) -> JSONResponse:
    """Answer with a small document."""
    return JSONResponse({"id": request.path_params["id"], "name": "An item", "price": 12.5, "tags": ["a", "b"]})


async def link(request: Request) -> JSONResponse:
    """Answer as the example does, without its store."""
    slug = request.path_params["slug"]
    return JSONResponse({"slug": slug, "url": "https://example.com/", "title": "", "created_at": CREATED.isoformat()})


ITEMS: list[BaseRoute] = [Route("/items/{id}", item)]
LINK = "/api/v1/links/{slug}"
LINKS: list[BaseRoute] = [Route(LINK, link)]
