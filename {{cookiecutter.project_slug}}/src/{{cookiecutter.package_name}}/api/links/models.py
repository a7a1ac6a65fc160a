"""The JSON documents of links: what clients send, and what they get. `v2.py` has those of version 2 of the API."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from firstlight.security import StoredUrl
from firstlight.versions import version_of
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from ..versions import V2
from .port import Link, Visits

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Url = Annotated[StoredUrl, Field(json_schema_extra={"format": "uri", "maxLength": 2048})]
Title = Annotated[str, Field(max_length=200)]


class LinkChanges(BaseModel):
    """What a client may change: the body of `PUT /api/v1/links/{slug}`."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    title: Title = ""


class NewLink(LinkChanges):
    """The body of `POST /api/v1/links`. Without a slug, the link gets one of 8 characters."""

    slug: Slug | None = None


class LinkOut(BaseModel):
    """A link. It is the schema of `documents`."""

    slug: str
    url: str
    title: str
    created_at: datetime


class LinkVisits(BaseModel):
    """The visits of a link. It is the schema of `visits_document`."""

    total: int
    items: list["LinkVisitsOfDay"]


class LinkVisitsOfDay(BaseModel):
    """The visits of one day, in UTC."""

    day: date
    visits: int


def documents(request: Request) -> Callable[[Link], dict[str, Any]]:
    """A function that makes the document of a link, in the version of the API that serves the request."""
    url = "target" if version_of(request) is V2 else "url"
    return lambda link: {"slug": link.slug, url: link.url, "title": link.title, "created_at": link.created_at}


def visits_document(visits: Visits) -> dict[str, Any]:
    """The document of the visits of a link."""
    return {"total": visits.total, "items": [{"day": day, "visits": count} for day, count in visits.days.items()]}
