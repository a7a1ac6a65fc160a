"""Serves the OpenAPI document, the documentation page, and the pages of problems."""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..media_type import JSON
from ..problem_types import PREFIX, PROBLEM_TYPES
from ..service import Service
from ..service_errors import NotFoundError
from .document import document
from .documentation import documentation
from .encoding import encoded
from .page import POLICY
from .problem_pages import LIST, problem_list, problem_page

DOCUMENT, DOCUMENTATION = "/openapi.json", "/docs"
_HTML = "text/html; charset=utf-8"
_POLICY: Mapping[str, str] = MappingProxyType({"Content-Security-Policy": POLICY})
_CACHE = "no-cache"  # may be stored, but is asked for again: a release can change it


def routes(service: Service) -> Sequence[Route]:
    """The routes of the pages. Their content is made here, once. Raises `ArrangementError` as `document` does."""
    made = document(service)
    title = made["info"]["title"]
    pages = {kind.name: _Page(problem_page(title, kind), _HTML, _POLICY) for kind in PROBLEM_TYPES.values()}

    async def problem(request: Request) -> Response:
        """Describe a type of problem."""
        page = pages.get(request.path_params["name"])
        if page is None:
            msg = f"There is no such type of problem; {LIST} lists all."
            raise NotFoundError(msg)
        return await page.answer(request)

    return [
        Route(DOCUMENT, _Page(encoded(made), JSON).answer, name="openapi"),
        Route(DOCUMENTATION, _Page(documentation(made), _HTML, _POLICY).answer, name="docs"),
        Route(LIST, _Page(problem_list(title), _HTML, _POLICY).answer, name="problems"),
        Route(f"{PREFIX}{{name}}", problem, name="problem"),
    ]


class _Page:
    """A response that is the same for every request."""

    def __init__(self, content: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._content = content
        self._etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        self._headers = {"Cache-Control": _CACHE, "ETag": self._etag, **(headers or {})}
        self._media_type = media_type

    async def answer(self, request: Request) -> Response:
        """The page, or 304 for a client that has it."""
        known = request.headers.get("if-none-match", "")
        if known == "*" or self._etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(status_code=304, headers=self._headers)
        return Response(self._content, headers=self._headers, media_type=self._media_type)
