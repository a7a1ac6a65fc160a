"""Short links over HTTP: create, read, list, follow."""

from typing import Annotated, Any

from firstlight import Operation
from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ...metrics import LINKS_CREATED
from .store import LINKS, Link

MAX_URL_LENGTH = 2048
URL_CHARACTERS = r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$"  # RFC 3986; the normal form escapes none of them
MAX_PAGE = 100


def web_url(url: str) -> str:
    """The URL in its normal form. Raises `ValueError` for a user name or password in it: links are public."""
    parsed = AnyHttpUrl(url)
    if parsed.username is not None or parsed.password is not None:
        msg = "must be a URL without a user name and a password"
        raise ValueError(msg)
    return str(parsed)


class NewLink(BaseModel):
    """The body of `POST /api/v1/links`."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[
        str,
        Field(max_length=MAX_URL_LENGTH, pattern=URL_CHARACTERS, json_schema_extra={"format": "uri"}),
        AfterValidator(web_url),
    ]
    slug: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None


class Page(BaseModel):
    """The query of `GET /api/v1/links`."""

    offset: int = Field(0, ge=0)
    limit: int = Field(20, ge=1, le=MAX_PAGE)


async def create(request: Request, body: NewLink) -> Response:
    """Create a link."""
    link = LINKS.of(request).add(body.url, body.slug)
    LINKS_CREATED.inc()
    return JSONResponse(_document(link), 201, {"Location": f"/api/v1/links/{link.slug}"})


async def read_page(request: Request, query: Page) -> Response:
    """List links in the order of their creation. `next` is the address of the page after this one."""
    links = LINKS.of(request).page(query.offset, query.limit + 1)
    following = f"/api/v1/links?offset={query.offset + query.limit}&limit={query.limit}"
    return JSONResponse(
        {
            "items": [_document(link) for link in links[: query.limit]],
            "next": following if len(links) > query.limit else None,
        }
    )


async def read(request: Request) -> Response:
    """Get one link."""
    return JSONResponse(_document(LINKS.of(request).get(request.path_params["slug"])))


async def follow(request: Request) -> Response:
    """Follow a link."""
    return RedirectResponse(LINKS.of(request).get(request.path_params["slug"]).url, 302)


def _document(link: Link) -> dict[str, Any]:
    return {"slug": link.slug, "url": link.url, "created_at": link.created_at.isoformat()}


OPERATIONS = (
    Operation(method="POST", path="/api/v1/links", handler=create, body=NewLink, answers={201: None}, problems=(409,)),
    Operation(method="GET", path="/api/v1/links", handler=read_page, query=Page),
    Operation(method="GET", path="/api/v1/links/{slug}", handler=read, problems=(404,)),
    Operation(method="GET", path="/r/{slug}", handler=follow, answers={302: None}, problems=(404,)),
)
