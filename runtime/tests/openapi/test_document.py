"""The OpenAPI document: valid, and true about the operations."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, create_model
from starlette.requests import Request
from starlette.responses import Response

from firstlight import ArrangementError, Operation, Service, idempotency
from firstlight.openapi import document, encoded, indented
from firstlight.problem_types import PROBLEM_TYPES
from firstlight.versions import ByHeader, ByMediaType, Version

from .parcels import IDENTITY, LIMITS, OPERATIONS, SCHEME, SERVICE, Address, Parcel

SCHEMAS = "#/components/schemas/"
DOCUMENT = document(SERVICE)


def _operation(method: str, path: str, made: Mapping[str, Any] = DOCUMENT) -> Mapping[str, Any]:
    found: Mapping[str, Any] = made["paths"][path][method]
    return found


def _with(**changes: Any) -> Mapping[str, Any]:
    """The document of a service with one operation."""
    operation = replace(OPERATIONS[1], **changes)
    return document(Service(identity=IDENTITY, routes=[operation]))


def test_operations_that_share_a_handler_have_ids_of_their_own() -> None:
    """Services of the first release may have such operations."""
    rows = [replace(OPERATIONS[1], path=path) for path in ("/parcels", "/parcels/{number:int}")]
    rows.append(replace(OPERATIONS[1], method="POST", handler=take_elsewhere))
    paths = document(Service(identity=IDENTITY, routes=rows))["paths"]

    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(set(ids)) == len(rows)
    assert ids[0].endswith("_get_parcels")
    assert rows[2].id in ids


async def take(_: Request, body: BaseModel) -> Response:
    """Take anything."""
    del body
    return Response()


async def take_elsewhere(_: Request) -> Response:
    """Take anything."""
    return Response()


take_elsewhere.__module__ = "sample.elsewhere.operations"


def test_is_valid() -> None:
    """By the schema of OpenAPI 3.1, every reference included."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_validator_finds_a_fault() -> None:
    """The test above can fail."""
    wrong: dict[str, Any] = copy.deepcopy(DOCUMENT)
    wrong["paths"]["/parcels"]["get"]["responses"]["200"].pop("description")

    assert not OpenAPIV31SpecValidator(wrong).is_valid()


def test_two_processes_make_the_same_document() -> None:
    """As text, so that a committed file changes only with the code."""
    assert indented(document(SERVICE)) == indented(DOCUMENT)
    assert encoded(document(SERVICE)) == encoded(DOCUMENT)


def test_names_are_those_of_the_code() -> None:
    """Operations by noun and handler, models by class, also generic ones."""
    ids = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert ids[:3] == ["openapi_create", "openapi_read_all", "openapi_read"]
    assert [*DOCUMENT["components"]["schemas"]] == [
        "Address",
        "PagesAddress",
        "PagesParcel",
        "Parcel",
        "ParcelInput",
        "Picture",
        "Problem",
        "Size",
    ]


def test_says_what_docstrings_say() -> None:
    """The first line is the summary, the rest is the description."""
    create = _operation("post", "/parcels")
    assert create["summary"] == "Send a parcel"
    assert create["description"] == "It is weighed <before> it leaves."
    assert create["tags"] == ["openapi"]
    assert DOCUMENT["info"] == {
        "title": "Parcels",
        "description": "Sends `parcels`.",
        "contact": {"name": "Post"},
        "version": "1.2.3",
    }
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_input_and_output_of_one_model_differ() -> None:
    """What is computed is in the response only, also in models inside."""
    create = _operation("post", "/parcels")
    given, answer = create["requestBody"]["content"], create["responses"]["201"]["content"]
    assert given["application/json"]["schema"] == {"$ref": f"{SCHEMAS}ParcelInput"}
    assert answer["application/json"]["schema"] == {"$ref": f"{SCHEMAS}Parcel"}
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ParcelInput"]["properties"]["inner"]["items"] == {"$ref": f"{SCHEMAS}ParcelInput"}
    assert "label" not in schemas["ParcelInput"]["properties"]
    assert schemas["Parcel"]["properties"]["inner"]["items"] == {"$ref": f"{SCHEMAS}Parcel"}
    assert schemas["Parcel"]["properties"]["label"]["readOnly"] is True


def test_an_input_refuses_unknown_members() -> None:
    """A model that does not say so itself. One that is input and output stays one; an output alone is open."""
    plain, inner = create_model("Plain", a=(int, ...)), create_model("Inner", b=(int, ...))
    both = create_model("Both", inner=(inner, ...))
    given = create_model("Given", c=(int, ...), both=(both, ...))
    taking = Operation(method="POST", path="/a", handler=take, body=given, answers={200: plain, 201: both})

    schemas = document(Service(identity=IDENTITY, routes=[taking]))["components"]["schemas"]

    closed = {name: schema.get("additionalProperties") for name, schema in schemas.items()}
    assert closed == {"Both": False, "Given": False, "Inner": False, "Plain": None, "Problem": None}
    ignoring = create_model("Given", __config__={"extra": "ignore"}, c=(int, ...))
    made = document(Service(identity=IDENTITY, routes=[replace(taking, body=ignoring)]))
    assert "additionalProperties" not in made["components"]["schemas"]["Given"]


def test_a_model_that_differs_only_inside_differs() -> None:
    """It refers to another model in a request than in a response."""
    box = create_model("Box", parcel=(Parcel, ...))
    operation = Operation(method="POST", path="/boxes", handler=take, body=box, answers={200: box})

    schemas = document(Service(identity=IDENTITY, routes=[operation]))["components"]["schemas"]

    assert schemas["BoxInput"]["properties"]["parcel"] == {"$ref": f"{SCHEMAS}ParcelInput"}
    assert schemas["Box"]["properties"]["parcel"] == {"$ref": f"{SCHEMAS}Parcel"}


@pytest.mark.parametrize(
    ("path", "name", "schema"),
    [
        ("/parcels/{weight}", "weight", {"type": "integer", "minimum": 0}),
        ("/parcels/{id}/picture", "id", {"type": "string", "format": "uuid"}),
        ("/parcels/{name}/track", "name", {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}),
        ("/labels/{rest}", "rest", {"type": "string"}),
    ],
)
def test_path_parameters_have_the_types_of_converters(path: str, name: str, schema: Mapping[str, Any]) -> None:
    """The path itself has names only."""
    (operation,) = DOCUMENT["paths"][path].values()
    assert operation["parameters"][0] == {"name": name, "in": "path", "required": True, "schema": schema}


def test_query_parameters_are_the_fields_of_the_model() -> None:
    """By alias, with description, and without a component for the model itself."""
    size, since = _operation("get", "/parcels")["parameters"]
    assert size["description"] == "Only parcels of this `size`."
    assert (size["name"], size["in"], "required" in size) == ("size", "query", False)
    assert size["schema"]["anyOf"] == [{"$ref": f"{SCHEMAS}Size"}, {"type": "null"}]
    assert (since["name"], since["required"], since["schema"]) == ("from", True, {"type": "string", "format": "date"})


def test_a_form_is_sent_in_two_media_types() -> None:
    """A file is binary."""
    content = _operation("put", "/parcels/{id}/picture")["requestBody"]["content"]
    assert [*content] == ["multipart/form-data", "application/x-www-form-urlencoded"]
    picture = DOCUMENT["components"]["schemas"]["Picture"]["properties"]["picture"]
    assert picture == {"type": "string", "format": "binary"}


def test_answers_have_their_headers() -> None:
    """The declared ones, and those that follow from the status and the metadata."""
    created = _operation("post", "/parcels")["responses"]["201"]
    assert created["description"] == "It is sent."
    assert created["headers"]["Location"] == {
        "description": "The address of the parcel.",
        "required": True,
        "schema": {"type": "string"},
    }
    track = _operation("get", "/parcels/{name}/track")
    assert track["deprecated"] is True
    assert {"Location", "Deprecation", "Sunset"} <= track["responses"]["302"]["headers"].keys()
    assert _operation("get", "/labels/{rest}")["responses"]["200"]["content"] == {"text/csv": {}}


def test_examples_of_a_model_are_those_of_its_bodies() -> None:
    """A client generator and the documentation page show them."""
    made = _with(method="POST", query=None, handler=take, body=Address, answers={200: Address})
    operation = _operation("post", "/parcels", made)
    assert operation["requestBody"]["content"]["application/json"]["example"] == {"city": "Köln <7>"}
    assert operation["responses"]["200"]["content"]["application/json"]["example"] == {"city": "Köln <7>"}


COMMON = {400, 406, 500, 503, 504}


@pytest.mark.parametrize(
    ("changes", "statuses"),
    [
        ({"query": None}, COMMON),
        ({"query": None, "deadline_seconds": 0}, COMMON - {504}),
        ({}, COMMON | {422}),
        ({"problems": (404, 410)}, COMMON | {404, 410, 422}),
        ({"query": None, "method": "POST", "body": Address}, COMMON | {413, 415, 422}),
        ({"query": None, "precondition_required": True}, COMMON | {412, 428}),
        ({"query": None, "answers": {200: None, 400: None}}, COMMON - {400, 406}),
        ({"query": None, "idempotent": True}, COMMON | {409, 422, 429, 507}),
    ],
)
def test_problems_are_those_of_handler_and_runtime(changes: Mapping[str, Any], statuses: set[int]) -> None:
    """Each with the shared schema, and the type that the service sends."""
    made = _with(**changes)
    (operation,) = made["paths"]["/parcels"].values()
    problems = {int(status): each["$ref"] for status, each in operation["responses"].items() if "$ref" in each}
    assert problems.keys() == statuses
    for status, reference in problems.items():
        response = made["components"]["responses"][reference.rpartition("/")[2]]
        content = response["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": f"{SCHEMAS}Problem"}
        assert content["example"]["type"] == PROBLEM_TYPES[status].uri
        assert content["example"]["status"] == status


def test_a_status_without_a_type_has_a_name() -> None:
    """418 is in no table."""
    made = _with(problems=(418,))
    assert _operation("get", "/parcels", made)["responses"]["418"] == {"$ref": "#/components/responses/Problem418"}
    OpenAPIV31SpecValidator(made).validate()


def test_limits_and_policies_add_their_problems() -> None:
    """429 where a component limits, 401 and 403 where a policy must be satisfied."""
    limited = document(replace(SERVICE, components=[*SERVICE.components, LIMITS]))
    create, track = _operation("post", "/parcels", limited), _operation("get", "/parcels/{name}/track", limited)
    assert {"401", "403", "429"} <= create["responses"].keys()
    assert create["security"] == [{"key": []}]
    assert "security" not in track
    assert {"401", "403"}.isdisjoint(track["responses"])
    assert limited["components"]["securitySchemes"] == {"key": SCHEME}
    assert "429" not in _operation("post", "/parcels")["responses"]


def test_conditions_are_header_parameters() -> None:
    """`If-Match` where a change needs it, `If-None-Match` where 304 is an answer."""
    (given,) = _with(query=None, precondition_required=True)["paths"]["/parcels"]["get"]["parameters"]
    assert (given["name"], given["in"], given["required"]) == ("If-Match", "header", True)
    names = [each["name"] for each in _operation("get", "/parcels/{weight}")["parameters"]]
    assert names == ["weight", "If-None-Match"]


@pytest.mark.parametrize("is_required", [False, True])
def test_the_key_of_an_idempotent_operation_is_a_parameter(is_required: bool) -> None:  # noqa: FBT001 - a parameter
    """With the name and the pattern that the component reads."""
    changes = {"query": None, "idempotent": True, "idempotency_required": is_required}
    operation = _operation("get", "/parcels", _with(**changes))

    (given,) = operation["parameters"]
    assert (given["name"], given["schema"]["pattern"]) == (idempotency.HEADER, idempotency.PATTERN)
    assert given.get("required", False) is is_required
    assert idempotency.REPLAYED_HEADER in operation["responses"]["200"]["headers"]


NEWEST, DEFAULT = Version("v2", by=ByHeader()), Version("v1", by=ByHeader(), default=True)


@pytest.mark.parametrize(
    ("versions", "shown", "is_required"),
    [
        ((DEFAULT, NEWEST), "v1", False),
        ((NEWEST, DEFAULT), "v1", False),
        ((Version("v1", by=ByHeader()), NEWEST), "v2", True),
    ],
)
def test_one_of_several_versions_is_shown(versions: Sequence[Version], shown: str, is_required: bool) -> None:  # noqa: FBT001
    """The default, or the last one; a path and a method have one operation in OpenAPI."""
    rows = [replace(OPERATIONS[1], query=None, version=version) for version in versions]

    (given,) = _operation("get", "/parcels", document(Service(identity=IDENTITY, routes=rows)))["parameters"]

    assert (given["name"], given["schema"]["enum"], given.get("required", False)) == (
        "API-Version",
        [shown],
        is_required,
    )


@pytest.mark.parametrize("is_default", [False, True])
def test_a_version_by_media_type_names_it(is_default: bool) -> None:  # noqa: FBT001 - a parameter
    """In requests and responses; the default version has the plain name as well."""
    version = Version("v2", by=ByMediaType("vnd.example"), default=is_default)
    made = _with(method="POST", query=None, handler=take, body=Address, answers={200: Address}, version=version)
    operation = _operation("post", "/parcels", made)

    kinds = [*(["application/json"] if is_default else []), "application/vnd.example.v2+json"]
    assert [*operation["requestBody"]["content"]] == kinds
    assert [*operation["responses"]["200"]["content"]] == kinds
    assert "406" in operation["responses"]


def test_nouns_are_in_the_order_of_their_operations() -> None:
    """As they are in the navigation of the documentation."""
    first, second = OPERATIONS[1], replace(OPERATIONS[1], path="/other", handler=take_elsewhere)

    made = document(Service(identity=IDENTITY, routes=[first, second]))

    assert [tag["name"] for tag in made["tags"]] == ["openapi", "elsewhere"]


def test_plain_routes_are_not_in_the_document() -> None:
    """Nobody has declared what they take and answer."""
    assert "/plain" not in DOCUMENT["paths"]


def test_two_models_with_one_name_are_refused() -> None:
    """The sentence names both."""
    first, second = create_model("Stamp", a=(int, ...)), create_model("Stamp", b=(int, ...))
    operation = Operation(method="POST", path="/stamps", handler=take, body=first, answers={200: second})

    with pytest.raises(
        ArrangementError, match=r"^the models .*\.Stamp and .*\.Stamp would both be Stamp in .*; rename"
    ):
        document(Service(identity=IDENTITY, routes=[operation]))


def test_two_models_with_one_name_inside_others_are_refused() -> None:
    """Also where one model holds both."""
    first, second = create_model("Stamp", a=(int, ...)), create_model("Stamp", b=(int, ...))
    both = create_model("Album", first=(first, ...), second=(second, ...))
    operation = Operation(method="GET", path="/albums", handler=take, answers={200: both})

    with pytest.raises(ArrangementError, match="would both be Stamp"):
        document(Service(identity=IDENTITY, routes=[operation]))


@pytest.mark.parametrize("model", [dict, dataclass(type("Price", (), {})), list[int]])
def test_what_is_no_model_is_refused(model: Any) -> None:
    """In one sentence, which names it: a dataclass has no limits and refuses no unknown members."""
    for given in ({"body": model}, {"answers": {200: model}}):
        operation = Operation(method="POST", path="/prices", handler=take, **given)

        with pytest.raises(ArrangementError, match=r"describes a request or a response and is no model of pydantic"):
            document(Service(identity=IDENTITY, routes=[operation]))


def test_queries_may_share_a_name() -> None:
    """Their models are no components: each noun may have its `Page`."""
    pages = [create_model("Page", **{name: (int, 1)}) for name in ("limit", "size")]  # type: ignore[call-overload]
    rows = [replace(OPERATIONS[1], path=f"/{number}", query=page) for number, page in enumerate(pages)]

    made = document(Service(identity=IDENTITY, routes=rows))

    assert [made["paths"][f"/{number}"]["get"]["parameters"][0]["name"] for number in (0, 1)] == ["limit", "size"]
    assert "Page" not in made["components"]["schemas"]


def test_a_model_named_problem_is_refused() -> None:
    """The name belongs to errors."""
    problem = create_model("Problem", a=(int, ...))
    operation = Operation(method="POST", path="/", handler=take, body=problem)

    with pytest.raises(ArrangementError, match=r"^a model is named Problem"):
        document(Service(identity=IDENTITY, routes=[operation]))


def test_a_type_without_a_schema_is_any_value() -> None:
    """A model that JSON schemas cannot describe does not stop the service."""
    odd = create_model("Odd", value=(complex | object, ...), other=(type, int))
    operation = Operation(method="POST", path="/", handler=take, body=odd)

    made = document(Service(identity=IDENTITY, routes=[operation]))

    assert made["components"]["schemas"]["Odd"]["properties"].keys() == {"value", "other"}
    OpenAPIV31SpecValidator(made).validate()


def test_an_empty_service_has_a_document() -> None:
    """A service without operations, such as one that only has a worker."""
    made = document(Service(identity=IDENTITY))
    OpenAPIV31SpecValidator(made).validate()
    assert (made["paths"], made["tags"]) == ({}, [])
