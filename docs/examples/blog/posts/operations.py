"""Posts over HTTP: create, list, search, read. Everybody may; put an authentication in front of it."""

from firstlight import Answer, JsonResponse, Operation
from firstlight.lists import PageOf, PageQuery, location
from starlette.requests import Request
from starlette.responses import Response

from ..versions import V1
from .models import NewPost, PostOut, post_document
from .port import LISTING, Post
from .store import POSTS


async def create_post(request: Request, body: NewPost) -> Response:
    """Create a post."""
    post = Post(slug=body.slug, title=body.title, body=body.body, author=body.author)
    await POSTS.of(request).add(post)
    return JsonResponse(post_document(post), 201, {"Location": location(request, post.slug)})


async def read_posts(request: Request, query: PageQuery) -> Response:
    """List posts, the newest first, or search in their titles and bodies."""
    paging = LISTING.paging(request, query)
    page = paging.page(await POSTS.of(request).select(paging.selection))
    return JsonResponse(page.document(post_document))


async def read_post(request: Request) -> Response:
    """Get one post."""
    return JsonResponse(post_document(await POSTS.of(request).get(request.path_params["slug"])))


ALL, ONE = "/api/v1/posts", "/api/v1/posts/{slug}"
CREATED = Answer(PostOut, headers={"Location": "The address of the post."})

OPERATIONS = (
    Operation(
        version=V1,
        method="POST",
        path=ALL,
        handler=create_post,
        body=NewPost,
        answers={201: CREATED},
        problems=(409,),
        idempotent=True,
    ),
    Operation(
        version=V1, method="GET", path=ALL, handler=read_posts, query=LISTING.query, answers={200: PageOf[PostOut]}
    ),
    Operation(version=V1, method="GET", path=ONE, handler=read_post, answers={200: PostOut}, problems=(404,)),
)
