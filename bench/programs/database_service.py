# mypy: disable-error-code="import-not-found"
"""The emitted service with the component `database`, and one operation more: 100 links a request."""

import sys
from dataclasses import replace

from acme_links.api.links.models import NewLink
from acme_links.api.links.port import Link, random_slug
from acme_links.api.links.store import COLUMNS
from acme_links.api.links.tables import links
from acme_links.service import LIMITS as DECLARED
from acme_links.service import SERVICE as EMITTED
from acme_links.service import rate_limits
from firstlight import Answer, JsonResponse, Operation, main
from firstlight.components.database import DATABASE
from pydantic import BaseModel, Field
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from starlette.requests import Request

from .items import ITEMS

MOST = 100
# One statement for all rows: its parameters are arrays, so that its text is always the same.
INSERT_ALL = insert(links).from_select(
    COLUMNS, select(*(func.unnest(bindparam(name, type_=ARRAY(links.c[name].type))) for name in COLUMNS))
)


class NewLinks(BaseModel):
    """Many links."""

    items: list[NewLink] = Field(min_length=1, max_length=MOST)


class Slugs(BaseModel):
    """What was created."""

    slugs: list[str]


async def create_many(request: Request, body: NewLinks) -> JsonResponse:
    """Create all links, or none."""
    made = [Link(slug=each.slug or random_slug(), url=each.url, title=each.title) for each in body.items]
    async with DATABASE.of(request).transaction() as session:
        arrays = {name: [getattr(link, name) for link in made] for name in COLUMNS}
        await session.execute(INSERT_ALL, arrays)
    return JsonResponse({"slugs": [link.slug for link in made]}, 201)


BATCH = Operation(
    method="POST", path="/batches", handler=create_many, body=NewLinks, answers={201: Answer(Slugs)}, problems=(409,)
)
# As many limits as the service has, none of which a run reaches: a refusal costs less than a response.
LIMITS = [replace(limit, rate="1000000/second", burst=None) for limit in DECLARED]
SERVICE = replace(
    EMITTED,
    routes=(*EMITTED.routes, BATCH, *ITEMS),
    components=[
        rate_limits(*LIMITS) if component.name == "rate_limits" else component for component in EMITTED.components
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
