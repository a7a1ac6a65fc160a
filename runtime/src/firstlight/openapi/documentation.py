"""The documentation page: the operations by noun, then the models."""

from collections.abc import Iterator, Mapping
from typing import Any

from .fields import fields, kind
from .html import Html, element, phrase, prose
from .operation_view import OperationView
from .page import page
from .problems import NAME
from .schemas import Schema

Row = tuple[str, str, Schema]  # method, path, operation


def documentation(document: Mapping[str, Any]) -> bytes:
    """The page for an OpenAPI document."""
    rows = [(method, path, operation) for path, item in document["paths"].items() for method, operation in item.items()]
    groups = [(tag, [row for row in rows if tag["name"] in row[2]["tags"]]) for tag in document["tags"]]
    view = OperationView(document)
    content = element(
        "main",
        _introduction(document),
        *(_group(tag, members, view) for tag, members in groups),
        *_schemas(document["components"].get("schemas", {}), view),
    )
    frame = element("div", _navigation(groups, document), content, class_="frame")
    return page(f"{document['info']['title']}: API", frame)


def _introduction(document: Mapping[str, Any]) -> Html:
    info = document["info"]
    owner = [element("span", f"Owner: {info['contact']['name']}")] if "contact" in info else []
    return element(
        "header",
        element("h1", info["title"]),
        prose(info.get("description", "")),
        element(
            "div",
            element("span", f"Version {info['version']}"),
            *owner,
            element("a", "OpenAPI document", href="/openapi.json"),
            element("a", "Problems", href="/problems"),
            class_="meta",
        ),
        element(
            "p",
            "The commands below need the address of the service: ",
            element("code", "API=http://127.0.0.1:8000"),
            class_="soft",
        ),
    )


def _navigation(groups: list[tuple[Schema, list[Row]]], document: Mapping[str, Any]) -> Html:
    parts: list[Html] = []
    for tag, rows in groups:
        links = (
            element(
                "a",
                element("span", method.upper(), class_=f"method {method}"),
                element("span", phrase(operation.get("summary") or path), element("code", path)),
                href=f"#{operation['operationId']}",
            )
            for method, path, operation in rows
        )
        parts += [element("h4", tag["name"]), element("ul", *(element("li", link) for link in links))]
    names = (name for name in document["components"].get("schemas", {}))
    models = (element("li", element("a", name, href=f"#schema-{name}")) for name in names)
    return element("nav", *parts, element("h4", "Models"), element("ul", *models), aria_label="Contents")


def _group(tag: Schema, rows: list[Row], view: OperationView) -> Html:
    return element(
        "section",
        element("h2", tag["name"]),
        prose(tag.get("description", "")),
        *(view.article(*row) for row in rows),
    )


def _schemas(schemas: Mapping[str, Schema], view: OperationView) -> Iterator[Html]:
    yield element("h2", "Models")
    for name, schema in schemas.items():
        table = fields(schema)
        yield element(
            "article",
            element("h3", name),
            prose(schema.get("description", "")),
            table or element("p", kind(schema)),
            Html() if name == NAME else view.example({"schema": schema}),
            id=f"schema-{name}",
        )
