"""The comments of a post as one recursive statement: the first level, then the answers to what was found so far."""

from firstlight.components.database import Read
from sqlalchemy import bindparam, literal, select

from .port import MAX_COMMENTS, MAX_DEPTH
from .tables import comments

_FIRST = select(*comments.c, literal(0).label("depth")).where(
    comments.c.post == bindparam("slug"), comments.c.parent.is_(None)
)
_LEVELS = _FIRST.cte("tree", recursive=True)
_TREE = _LEVELS.union_all(
    select(*comments.c, _LEVELS.c.depth + 1)
    .join(_LEVELS, comments.c.parent == _LEVELS.c.id)
    .where(_LEVELS.c.depth < MAX_DEPTH)
)
OF_A_POST = Read(
    select(_TREE.c.id, _TREE.c.parent, _TREE.c.author, _TREE.c.text, _TREE.c.created_at)
    .order_by(_TREE.c.depth, _TREE.c.id)
    .limit(MAX_COMMENTS)
)
