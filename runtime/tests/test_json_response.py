"""One encoder for all JSON documents, and a response that sends what it wrote."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from firstlight import JsonResponse
from firstlight.json_response import encoded

AT = datetime(2026, 11, 27, 9, 30, 1, 500_000, UTC)


@dataclass(frozen=True, slots=True)
class Parcel:
    """An entity of a store."""

    name: str
    sent_at: datetime


class Order(BaseModel):
    """A document with an alias."""

    number: int
    paid_at: datetime = Field(alias="paidAt")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "{}"),
        ({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}'),
        ({"at": AT}, '{"at":"2026-11-27T09:30:01.500000Z"}'),
        (AT.astimezone(timezone(timedelta(hours=2))), '"2026-11-27T11:30:01.500000+02:00"'),
        (Parcel("x", AT), '{"name":"x","sent_at":"2026-11-27T09:30:01.500000Z"}'),
        (Order(number=7, paidAt=AT), '{"number":7,"paidAt":"2026-11-27T09:30:01.500000Z"}'),
        (
            {"items": (Order(number=7, paidAt=AT),)},
            '{"items":[{"number":7,"paidAt":"2026-11-27T09:30:01.500000Z"}]}',
        ),
        (float("nan"), "null"),
    ],
)
def test_one_form_for_each_value(content: object, text: str) -> None:
    """A model reads the same alone and inside of a list; times are in one format wherever they are."""
    assert encoded(content).decode() == text
    assert JsonResponse(content).body == text.encode()


@pytest.mark.parametrize("content", [object(), {"a": {1, 2}}, [b"bytes"], {1: 2}, "\ud800"])
def test_what_has_no_form_in_json_is_an_error(content: object) -> None:
    """Nothing is sent as the text of a Python object."""
    with pytest.raises(TypeError):
        JsonResponse(content)


def test_names_the_type_without_a_form() -> None:
    """The sentence says what to do."""
    with pytest.raises(TypeError) as raised:
        encoded({"a": {1, 2}})

    assert "a set has no form in JSON; convert it to a text or a number" in f"{raised.value}{raised.value.__cause__}"


@pytest.mark.parametrize("headers", [None, {"Location": "/orders/7"}])
def test_sends_the_document(headers: dict[str, str] | None) -> None:
    """Status, headers and body, also when the handler adds a header to the response."""

    async def answer(_: Request) -> Response:
        response = JsonResponse({"number": 7}, 201, headers)
        response.headers["X-Added"] = "yes"
        return response

    answered = TestClient(Starlette(routes=[Route("/", answer)])).get("/")

    assert answered.status_code == 201
    assert json.loads(answered.text) == {"number": 7}
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["content-length"] == str(len(answered.content))
    assert answered.headers["x-added"] == "yes"
    assert answered.headers.get("location") == (headers or {}).get("Location")


def test_a_header_of_the_handler_replaces_the_usual_one() -> None:
    """A document of a media type of its own."""
    response = JsonResponse({}, headers={"Content-Type": "application/vnd.acme+json"})

    assert response.headers.getlist("content-type") == ["application/vnd.acme+json"]
