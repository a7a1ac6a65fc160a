"""The JSON documents of posts: what clients send, and what they get."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from .port import Comment, Post

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]


class NewPost(BaseModel):
    """The body of `POST /api/v1/posts`."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    body: Text
    author: Name


class PostOut(BaseModel):
    """A post."""

    slug: str
    title: str
    body: str
    author: str
    created_at: datetime


class NewCommentIn(BaseModel):
    """The body of `POST /api/v1/posts/{slug}/comments`. With `parent`, it answers a comment."""

    model_config = ConfigDict(extra="forbid")

    author: Name
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    parent: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class CommentOut(BaseModel):
    """A comment, with the answers to it."""

    id: int
    author: str
    text: str
    created_at: datetime
    answers: list["CommentOut"]


class CommentsOut(BaseModel):
    """The comments of a post."""

    items: list[CommentOut]


def post_document(post: Post) -> dict[str, Any]:
    """The document of a post."""
    return {name: getattr(post, name) for name in PostOut.model_fields}


def comment_document(comment: Comment) -> dict[str, Any]:
    """The document of a comment without answers."""
    return {
        "id": comment.id,
        "author": comment.author,
        "text": comment.text,
        "created_at": comment.created_at,
        "answers": [],
    }


def comments_document(comments: Sequence[Comment]) -> dict[str, Any]:
    """The comments of a post, nested. A parent comes before its answers."""
    documents = {comment.id: comment_document(comment) for comment in comments}
    for comment in comments:
        if comment.parent is not None:
            documents[comment.parent]["answers"].append(documents[comment.id])
    return {"items": [documents[comment.id] for comment in comments if comment.parent is None]}
