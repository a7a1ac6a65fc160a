"""One operation on the documentation page."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import curl
from .example import Examples
from .fields import described, fields, kind
from .html import Html, code_block, element, joined, phrase, prose, table
from .problems import RESPONSES
from .schemas import Schema

PLACES = {"path": "Path", "query": "Query", "header": "Header"}


class OperationView:
    """Renders the operations of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """`document` is the OpenAPI document."""
        components = document["components"]
        self._responses: Mapping[str, Schema] = components.get("responses", {})
        self._schemes: Mapping[str, Schema] = components.get("securitySchemes", {})
        self.examples = Examples(components.get("schemas", {}))

    def article(self, method: str, path: str, operation: Schema) -> Html:
        """The whole operation: what it takes, what it answers, and a command that calls it."""
        is_deprecated = bool(operation.get("deprecated"))
        return element(
            "article",
            _heading(method, path, operation),
            prose(operation.get("description", "")),
            *_parameters(operation),
            *self._body(operation),
            *self._answers(operation),
            *self._problems(operation),
            element("h4", "Call"),
            code_block(
                curl.command(method, path, operation, self._schemes, self.examples),
                f"The command for {operation['operationId']}",
                class_="command",
            ),
            id=operation["operationId"],
            **({"class_": "deprecated"} if is_deprecated else {}),
        )

    def _body(self, operation: Schema) -> Iterator[Html]:
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return
        media = next(iter(content.values()))
        yield element("h4", "Body")
        yield element("p", " or ".join(content), ", ", kind(media["schema"]))
        yield fields(self.examples.found(media["schema"]))
        yield self.example(media)

    def example(self, media: Schema) -> Html:
        """The example of a body, folded."""
        value = media.get("example", self.examples.of(media.get("schema", {})))
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
        return element("details", element("summary", "Example"), code_block(text, "An example"))

    def _answers(self, operation: Schema) -> Iterator[Html]:
        given = [(status, answer) for status, answer in operation["responses"].items() if "$ref" not in answer]
        rows = (
            [element("code", status), phrase(answer["description"]), _contents(answer), _headers(answer)]
            for status, answer in given
        )
        if given:
            yield element("h4", "Answers")
            yield table(("Status", "When", "Body", "Headers"), rows)
        for _, answer in given:
            for media in answer.get("content", {}).values():
                if "schema" in media:
                    yield self.example(media)

    def _problems(self, operation: Schema) -> Iterator[Html]:
        given = {
            status: self._responses[answer["$ref"].removeprefix(RESPONSES)]
            for status, answer in operation["responses"].items()
            if "$ref" in answer
        }
        rows = (
            [_status(status, answer), phrase(answer["description"]), _headers(answer)]
            for status, answer in given.items()
        )
        if given:
            yield element(
                "details",
                element("summary", f"Problems: {', '.join(given)}"),
                table(("Status", "When", "Headers"), rows),
            )


def _heading(method: str, path: str, operation: Schema) -> Html:
    tags = [element("span", "deprecated", class_="tag warn")] if operation.get("deprecated") else []
    tags += [element("span", f"needs {name}", class_="tag") for need in operation.get("security", ()) for name in need]
    return element(
        "div",
        element("span", method.upper(), class_=f"method {method}"),
        element("code", path, class_="path"),
        *tags,
        element("h3", phrase(operation.get("summary") or operation["operationId"])),
        class_="heading",
    )


def _parameters(operation: Schema) -> Iterator[Html]:
    for place, name in PLACES.items():
        given = [each for each in operation.get("parameters", ()) if each["in"] == place]
        rows = (
            [
                element("code", each["name"]),
                described(each["schema"], required=bool(each.get("required")), text=each.get("description", "")),
            ]
            for each in given
        )
        if given:
            yield element("h4", name)
            yield table(("Parameter", "Value"), rows)


def _contents(answer: Schema) -> Html:
    parts = [
        joined((f"{name} ", kind(media["schema"]) if "schema" in media else ""))
        for name, media in answer.get("content", {}).items()
    ]
    return joined(parts) if parts else joined(("none",))


def _headers(answer: Schema) -> Html:
    return joined(
        element("p", element("code", name), " ", phrase(header.get("description", "")))
        for name, header in answer.get("headers", {}).items()
    )


def _status(status: str, answer: Schema) -> Html:
    media = next(iter(answer["content"].values()))
    address = str(media["example"]["type"])
    title = str(media["example"]["title"])
    text = joined((element("code", status), " ", title))
    return element("a", text, href=address) if address.startswith("/") else text
