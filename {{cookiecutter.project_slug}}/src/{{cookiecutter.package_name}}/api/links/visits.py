"""The redirects of links, and the visits that they count."""

from firstlight import JsonResponse, Operation
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..versions import V1
from .models import LinkVisits, visits_document
from .store import LINKS


async def follow(request: Request) -> Response:
    """Follow a link. The browser fetches its URL; the service never does."""
    link = await LINKS.of(request).visit(request.path_params["slug"])
    return RedirectResponse(link.url, 302)


async def read_visits(request: Request) -> Response:
    """Get the number of visits of a link: in all, and on each of the last days with one."""
    visits = await LINKS.of(request).visits(request.path_params["slug"])
    return JsonResponse(visits_document(visits))


OPERATIONS = (
    Operation(
        version=V1,
        method="GET",
        path="/api/v1/links/{slug}/visits",
        handler=read_visits,
        answers={200: LinkVisits},
        problems=(404,),
    ),
    Operation(method="GET", path="/r/{slug}", handler=follow, answers={302: None}, problems=(404,)),
)
