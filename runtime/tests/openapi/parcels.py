"""A service with one of everything that an OpenAPI document shows."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from enum import Enum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, computed_field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from firstlight import Answer, Component, Identity, NoSettings, Operation, Service, main, nothing
from firstlight.component import Layer
from firstlight.problems import ConflictError, NotFoundError
from firstlight.versions import ByHeader, ByMediaType, Version

Item = TypeVar("Item")
SCHEME: Mapping[str, Any] = {"type": "http", "scheme": "bearer"}
IDENTITY = Identity(name="parcels", version="1.2.3", title="Parcels", description="Sends `parcels`.", owner="Post")
LIMITS = Component(
    name="limits", settings=NoSettings, open=nothing, middleware={Layer.LIMIT_BY_CALLER: lambda app, _: app}
)
KEYS = Component(name="keys", settings=NoSettings, open=nothing, security_schemes={"key": SCHEME})


class Size(Enum):
    """How large a parcel is."""

    SMALL = "small"
    LARGE = "large"


class Address(BaseModel):
    """Where a parcel goes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"city": "Köln <7>"}]})

    city: str


class Parcel(BaseModel):
    """A parcel: input and output differ by its label."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=20, examples=["books"])
    to: Address
    size: Size = Size.SMALL
    grams: int = 0
    inner: "list[Parcel]" = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator] # mypy cannot decorate a property
    @property
    def label(self) -> str:
        """What is written on it."""
        return f"{self.name}, {self.to.city}"


class Pages(BaseModel, Generic[Item]):
    """Some items."""

    items: list[Item]


class Filter(BaseModel):
    """The query of the list."""

    model_config = ConfigDict(extra="forbid")

    size: Size | None = Field(None, description="Only parcels of this `size`.")
    since: date = Field(alias="from")


class Picture(BaseModel):
    """A form with a file."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    picture: UploadFile
    taken: datetime


async def create(_: Request, body: Parcel) -> Response:
    """Send a parcel.

    It is weighed <before> it leaves.
    """
    if body.name == "taken":
        msg = "This name is taken."
        raise ConflictError(msg)
    headers = {} if body.name == "lost" else {"Location": f"/parcels/{body.name}"}
    return JSONResponse(body.model_dump(mode="json"), 201, headers)


async def read_all(_: Request, query: Filter) -> Response:
    """List parcels."""
    return JSONResponse({"items": [], "since": query.since.isoformat()} if query.size else {"items": []})


async def read(request: Request) -> Response:
    """Get one parcel."""
    weight = request.path_params["weight"]
    if weight == 0:
        msg = "There is none."
        raise NotFoundError(msg)
    document: dict[int, Any] = {
        1: {"name": "a", "to": {"city": "Köln"}, "size": "small", "inner": [], "label": "a, Köln"},
        2: {"name": "a", "to": {"city": "Köln"}, "size": "tiny", "inner": [], "label": "a, Köln"},
        3: {"name": 7, "to": {"city": "Köln", "zip": "50667"}, "inner": []},
        4: {"name": "a", "to": {"city": "Köln"}, "grams": "7"},
    }
    return JSONResponse(document[weight])


async def picture(_: Request, form: Picture) -> Response:
    """Add a picture."""
    del form
    return Response(status_code=204)


async def track(_: Request) -> Response:
    """Follow a parcel."""
    return RedirectResponse("https://example.com/", 302)


async def label(_: Request) -> Response:
    """Print a label."""
    return PlainTextResponse("label", media_type="text/csv")


async def untold(request: Request) -> Response:
    """Answer what the operation does not declare."""
    status = request.path_params["status"]
    return PlainTextResponse("", status) if status < 500 else JSONResponse({})


async def broken(_: Request) -> Response:
    """Answer an error that is no problem document."""
    return JSONResponse({"error": "not found"}, 404)


async def failing(_: Request) -> Response:
    """Raise."""
    raise RuntimeError


async def plain(_: Request) -> Response:
    """Answer from a plain route."""
    return JSONResponse({"any": "thing"}, 418)


async def old(request: Request) -> Response:
    """Answer as the first version, or as none."""
    return JSONResponse({"town": "Köln"} if "x-wrong" in request.headers else {"city": "Köln"})


async def new(_: Request) -> Response:
    """Answer as the second version."""
    return JSONResponse({"items": [{"city": "Köln"}]})


OLD = Version("v1", by=ByHeader(), default=True, deprecated=date(2026, 1, 1), sunset=date(2027, 1, 1))
OPERATIONS = (
    Operation(
        method="POST",
        path="/parcels",
        handler=create,
        body=Parcel,
        answers={201: Answer(Parcel, headers={"Location": "The address of the parcel."}, description="It is sent.")},
        problems=(409,),
        policy="key",
    ),
    Operation(method="GET", path="/parcels", handler=read_all, query=Filter, answers={200: Pages[Parcel]}),
    Operation(
        method="GET", path="/parcels/{weight:int}", handler=read, answers={200: Parcel, 304: None}, problems=(404,)
    ),
    Operation(method="PUT", path="/parcels/{id:uuid}/picture", handler=picture, form=Picture, answers={204: None}),
    Operation(method="GET", path="/parcels/{name}/track", handler=track, answers={302: None}, version=OLD),
    Operation(method="GET", path="/labels/{rest:path}", handler=label, answers={200: Answer(media_type="text/csv")}),
)
BY = ByMediaType("vnd.parcels")
UNTOLD = (
    Operation(method="GET", path="/where", handler=old, answers={200: Address}, version=Version("v1", BY)),
    Operation(method="GET", path="/where", handler=new, answers={200: Pages[Address]}, version=Version("v2", BY)),
    Operation(method="GET", path="/untold/{status:int}", handler=untold),
    Operation(method="GET", path="/broken", handler=broken, problems=(404,)),
    Operation(method="GET", path="/failing", handler=failing),
    Route("/plain", plain),
)
SERVICE = Service(identity=IDENTITY, components=[KEYS], routes=[*OPERATIONS, *UNTOLD])


if __name__ == "__main__":
    sys.exit(main(replace(SERVICE, routes=OPERATIONS)))
