# mypy: disable-error-code="import-not-found"
"""The responses of the example's resource without the work behind them: what the data plane is measured around."""

import json
from datetime import UTC, datetime
from typing import Any

from firstlight.json_response import JsonResponse
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from .items import LINK

CREATED = datetime(2026, 11, 26, 12, 30, 15, 123456, tzinfo=UTC)
URL = "https://example.com/"
LISTED = 50


def _document(slug: str) -> dict[str, Any]:
    return {"slug": slug, "url": URL, "title": "", "created_at": CREATED}


async def follow(_: Request) -> Response:
    """Redirect."""
    return RedirectResponse(URL, 302)


async def read(request: Request) -> Response:
    """Answer with one link."""
    return JsonResponse(_document(request.path_params["slug"]))


async def read_page(_: Request) -> Response:
    """Answer with a page of links."""
    return JsonResponse({"items": [_document(f"slug-{number:04}") for number in range(LISTED)], "next": None})


async def create(request: Request) -> Response:
    """Parse the body and answer with a link."""
    json.loads(await request.body())
    return JsonResponse(_document("slug-0000"), 201, {"Location": "/api/v1/links/slug-0000"})


ANSWERS: list[BaseRoute] = [
    Route("/api/v1/links", read_page),
    Route("/api/v1/links", create, methods=["POST"]),
    Route(LINK, read),
    Route("/r/{slug}", follow),
]
