"""Conditional requests: who has the current version gets 304, and who has an old one changes nothing.

    async def read(request: Request) -> Response:
        link = LINKS.of(request).get(request.path_params["slug"])
        tag = entity_tag(link.version)
        return not_modified(request, tag) or JsonResponse(_document(link), headers={"ETag": tag})

    async def replace(request: Request, body: NewLink) -> Response:
        store = LINKS.of(request)
        check(request, entity_tag(store.get(request.path_params["slug"]).version))
        ...

With `precondition_required` of the operation, a request that does not say which version it changes is refused with 428.
"""

from .entity_tags import entity_tag, entity_tag_of
from .preconditions import check, last_modified, not_modified

__all__ = ["check", "entity_tag", "entity_tag_of", "last_modified", "not_modified"]
