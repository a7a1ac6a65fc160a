"""Version 2 of links: the member `url` is called `target`. Handlers and operations are those of version 1."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from firstlight import MergePatch, Operation
from firstlight.lists import PageOf
from pydantic import BaseModel, Field

from ..versions import V1, V2
from . import operations, visits
from .models import LinkChanges, LinkOut, NewLink, Slug, Url


class LinkChangesV2(LinkChanges):
    """What a client may change: the body of `PUT /api/v2/links/{slug}`."""

    url: Annotated[Url, Field(alias="target")]


class NewLinkV2(LinkChangesV2):
    """The body of `POST /api/v2/links`. Without a slug, the link gets one of 8 characters."""

    slug: Slug | None = None


class LinkOutV2(BaseModel):
    """A link. It is the schema of `documents` for version 2."""

    slug: str
    target: str
    title: str
    created_at: datetime


MODELS: Mapping[type[BaseModel] | None, type[BaseModel]] = {
    NewLink: NewLinkV2,
    LinkChanges: LinkChangesV2,
    MergePatch[LinkChanges]: MergePatch[LinkChangesV2],
    LinkOut: LinkOutV2,
    PageOf[LinkOut]: PageOf[LinkOutV2],
}


def _in_v2(row: Operation) -> Operation:
    answers = {
        status: replace(answer, model=MODELS.get(answer.model, answer.model))
        for status, answer in row.responses.items()
    }
    path = row.path.replace("/v1/", "/v2/")
    return replace(row, version=V2, path=path, body=MODELS.get(row.body, row.body), answers=answers)


OPERATIONS = tuple(_in_v2(row) for row in (*operations.OPERATIONS, *visits.OPERATIONS) if row.version is V1)
