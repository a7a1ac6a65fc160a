"""Links over HTTP: create, list, read, replace, patch, delete."""

from collections.abc import Callable

from firstlight import Answer, JsonResponse, MergePatch, Operation
from firstlight.conditional import check, entity_tag, not_modified
from firstlight.lists import PageOf, PageQuery, location
from starlette.requests import Request
from starlette.responses import Response

from ...metrics import LINKS_CREATED
from ..versions import V1
from .models import LinkChanges, LinkOut, NewLink, documents
from .port import LISTING, Link, random_slug
from .store import LINKS


async def create(request: Request, body: NewLink) -> Response:
    """Create a link."""
    link = Link(slug=body.slug or random_slug(), url=body.url, title=body.title)
    await LINKS.of(request).add(link)
    LINKS_CREATED.inc()
    return _shown(request, link, 201, Location=location(request, link.slug))


async def read_page(request: Request, query: PageQuery) -> Response:
    """List links, by default in the order of their creation."""
    paging = LISTING.paging(request, query)
    page = paging.page(await LINKS.of(request).select(paging.selection))
    return JsonResponse(page.document(documents(request)))


async def read(request: Request) -> Response:
    """Get one link."""
    link = await LINKS.of(request).get(request.path_params["slug"])
    return not_modified(request, entity_tag(link.version)) or _shown(request, link)


async def replace(request: Request, body: LinkChanges) -> Response:
    """Replace what clients may change of a link."""
    return await _changed(request, lambda _: body)


async def patch(request: Request, body: MergePatch[LinkChanges]) -> Response:
    """Change some members of a link."""
    return await _changed(request, body.applied_to)


async def delete(request: Request) -> Response:
    """Delete a link and its visits."""
    store = LINKS.of(request)
    link = await store.get(request.path_params["slug"])
    check(request, entity_tag(link.version))
    await store.remove(link)
    return Response(status_code=204)


async def _changed(request: Request, changes_of: Callable[[Link], LinkChanges]) -> Response:
    store = LINKS.of(request)
    link = await store.get(request.path_params["slug"])
    check(request, entity_tag(link.version))
    changes = changes_of(link)
    changed = link.changed(url=changes.url, title=changes.title)
    await store.replace(link, changed)
    return _shown(request, changed)


def _shown(request: Request, link: Link, status: int = 200, **headers: str) -> Response:
    return JsonResponse(documents(request)(link), status, {"ETag": entity_tag(link.version), **headers})


ALL, ONE = "/api/v1/links", "/api/v1/links/{slug}"
ETAG = {"ETag": "The version of the link, for `If-Match` and `If-None-Match`."}
CREATED = Answer(LinkOut, headers={"Location": "The address of the link.", **ETAG})
SHOWN = Answer(LinkOut, headers=ETAG)

OPERATIONS = (
    Operation(
        version=V1,
        method="POST",
        path=ALL,
        handler=create,
        body=NewLink,
        answers={201: CREATED},
        problems=(409, 507),
        idempotent=True,
    ),
    Operation(
        version=V1, method="GET", path=ALL, handler=read_page, query=LISTING.query, answers={200: PageOf[LinkOut]}
    ),
    Operation(version=V1, method="GET", path=ONE, handler=read, answers={200: SHOWN, 304: None}, problems=(404,)),
    Operation(
        version=V1,
        method="PUT",
        path=ONE,
        handler=replace,
        body=LinkChanges,
        answers={200: SHOWN},
        problems=(404, 507),
        precondition_required=True,
    ),
    Operation(
        version=V1,
        method="PATCH",
        path=ONE,
        handler=patch,
        body=MergePatch[LinkChanges],
        answers={200: SHOWN},
        problems=(404, 507),
        precondition_required=True,
    ),
    Operation(version=V1, method="DELETE", path=ONE, handler=delete, answers={204: None}, problems=(404, 412)),
)
