"""Links over HTTP: create, list, read, replace, patch, delete."""

from firstlight import Answer, JsonResponse, MergePatch, Operation
from firstlight.lists import PageOf, PageQuery
from starlette.requests import Request
from starlette.responses import Response

from ...metrics import LINKS_CREATED
from .models import LinkChanges, LinkOut, NewLink, document
from .port import LISTING, Link
from .store import LINKS


async def create(request: Request, body: NewLink) -> Response:
    """Create a link."""
    given = {} if body.slug is None else {"slug": body.slug}
    link = Link(url=body.url, title=body.title, **given)
    await LINKS.of(request).add(link)
    LINKS_CREATED.inc()
    return JsonResponse(document(link), 201, {"Location": f"/api/v1/links/{link.slug}", "ETag": link.etag})


async def read_page(request: Request, query: PageQuery) -> Response:
    """List links, by default in the order of their creation."""
    paging = LISTING.paging(request, query)
    page = paging.page(await LINKS.of(request).select(paging.selection))
    return JsonResponse(page.document(document))


async def read(request: Request) -> Response:
    """Get one link."""
    link = await LINKS.of(request).get(request.path_params["slug"])
    return JsonResponse(document(link), headers={"ETag": link.etag})


async def replace(request: Request, body: LinkChanges) -> Response:
    """Replace what clients may change of a link."""
    return await _change(request, lambda _: body)


async def patch(request: Request, body: MergePatch[LinkChanges]) -> Response:
    """Change some members of a link."""
    return await _change(request, body.applied_to)


async def delete(request: Request) -> Response:
    """Delete a link and its visits."""
    store = LINKS.of(request)
    await store.remove(await store.get(request.path_params["slug"]))
    return Response(status_code=204)
