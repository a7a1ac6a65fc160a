"""The comments of a post over HTTP: add one, read all of them as a tree."""

from firstlight import JsonResponse, Operation
from starlette.requests import Request
from starlette.responses import Response

from ..versions import V1
from .models import CommentOut, CommentsOut, NewCommentIn, comment_document, comments_document
from .port import NewComment
from .store import POSTS


async def add_comment(request: Request, body: NewCommentIn) -> Response:
    """Comment on a post, or answer a comment on it."""
    comment = NewComment(author=body.author, text=body.text, parent=body.parent)
    added = await POSTS.of(request).comment(request.path_params["slug"], comment)
    return JsonResponse(comment_document(added), 201)


async def read_comments(request: Request) -> Response:
    """Get the comments of a post, each with the answers to it."""
    return JsonResponse(comments_document(await POSTS.of(request).comments(request.path_params["slug"])))


COMMENTS = "/api/v1/posts/{slug}/comments"

OPERATIONS = (
    Operation(
        version=V1,
        method="POST",
        path=COMMENTS,
        handler=add_comment,
        body=NewCommentIn,
        answers={201: CommentOut},
        problems=(404,),
        idempotent=True,
    ),
    Operation(
        version=V1, method="GET", path=COMMENTS, handler=read_comments, answers={200: CommentsOut}, problems=(404,)
    ),
)
