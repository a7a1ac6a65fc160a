"""Short links over HTTP: create, read, list, follow."""

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ...errors import client_input
from .store import Link, LinkStore

MAX_URL_LENGTH = 2048
MAX_PAGE = 100


class NewLink(BaseModel):
    """The body of `POST /api/v1/links`."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[AnyHttpUrl, Field(max_length=MAX_URL_LENGTH)]
    slug: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None


class Page(BaseModel):
    """The query of `GET /api/v1/links`."""

    offset: int = Field(0, ge=0)
    limit: int = Field(20, ge=1, le=MAX_PAGE)


class Links:
    """Endpoints on one store."""

    def __init__(self, store: LinkStore) -> None:
        """Serve `store`."""
        self._store = store

    async def collection(self, request: Request) -> Response:
        """One route for both methods, or a 405 would name only one of them."""
        return await (self.create(request) if request.method == "POST" else self.page(request))

    async def create(self, request: Request) -> Response:
        """Create a link. 201 with its place, 409 for a taken slug."""
        with client_input():
            new = NewLink.model_validate_json(await request.body())
        link = self._store.add(str(new.url), new.slug)
        return JSONResponse(_document(link), 201, {"Location": f"/api/v1/links/{link.slug}"})

    async def page(self, request: Request) -> Response:
        """Links in the order of their creation. `next` is the place of the page after this one."""
        with client_input():
            page = Page.model_validate(dict(request.query_params))
        links = self._store.page(page.offset, page.limit + 1)
        following = f"/api/v1/links?offset={page.offset + page.limit}&limit={page.limit}"
        return JSONResponse(
            {
                "items": [_document(link) for link in links[: page.limit]],
                "next": following if len(links) > page.limit else None,
            }
        )

    async def get(self, request: Request) -> Response:
        """One link."""
        return JSONResponse(_document(self._store.get(request.path_params["slug"])))

    async def redirect(self, request: Request) -> Response:
        """Follow a link."""
        return RedirectResponse(self._store.get(request.path_params["slug"]).url, 302)


def _document(link: Link) -> dict[str, Any]:
    return {**asdict(link), "created_at": link.created_at.isoformat()}
