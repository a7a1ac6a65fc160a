"""Serves the OpenAPI document, the documentation page, and the pages of problems."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..compression.compression import CompressionThreads, compressing
from ..conditional import not_modified
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


def routes(service: Service, *, public_url: str | None = None, at_once: bool = True) -> Sequence[Route]:
    """The routes of the pages. Their content is made once: now, or `at_once=False` at the first request for it.

    The document names `public_url` as the server: a client that has read it may not know the prefix of a proxy.
    Raises `ArrangementError` as `document` does.
    """
    made = document(service)
    if public_url is not None:
        made["servers"] = [{"url": public_url}]
    title = made["info"]["title"]
    fixed = {
        DOCUMENT: _Page(partial(encoded, made), JSON),
        DOCUMENTATION: _Page(partial(documentation, made), _HTML, _POLICY),
        LIST: _Page(partial(problem_list, title), _HTML, _POLICY),
    }
    kinds = {kind.name: _Page(partial(problem_page, title, kind), _HTML, _POLICY) for kind in PROBLEM_TYPES.values()}
    for page in (*fixed.values(), *kinds.values()) if at_once else ():
        page.make()

    async def problem(request: Request) -> Response:
        """Describe a type of problem."""
        page = kinds.get(request.path_params["name"])
        if page is None:
            msg = f"There is no such type of problem; {LIST} lists all."
            raise NotFoundError(msg)
        return await page.answer(request)

    made_routes = [Route(path, page.answer, name=path.strip("/").partition(".")[0]) for path, page in fixed.items()]
    made_routes.append(Route(f"{PREFIX}{{name}}", problem, name="problem"))
    threads = CompressionThreads()
    for route in made_routes:
        route.app = compressing(route.app, None, threads)
    return made_routes


class _Page:
    """A response that is the same for every request."""

    def __init__(self, content: Callable[[], bytes], media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._make, self._media_type, self._headers = content, media_type, headers or {}

    @cached_property
    def _made(self) -> tuple[bytes, str, Mapping[str, str]]:
        """The content, its entity tag, and all headers."""
        content = self._make()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return content, etag, {"Cache-Control": _CACHE, "ETag": etag, **self._headers}

    def make(self) -> None:
        """Make the content now."""
        _ = self._made

    async def answer(self, request: Request) -> Response:
        """The page, or 304 for a client that has it."""
        content, etag, headers = self._made
        unchanged = not_modified(request, etag, headers=headers)
        return unchanged or Response(content, headers=headers, media_type=self._media_type)
