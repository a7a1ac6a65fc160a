"""HTML elements whose text is always escaped."""

import html
from collections.abc import Iterable
from typing import Any

VOID = frozenset({"br", "link", "meta"})


class Html(str):
    """Text that is HTML already, made by the functions of this module."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element. Children that are not `Html` are text and are escaped, like the values of attributes.

    A trailing underscore is removed from the name of an attribute: `class_="method"`.
    """
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Parts one after the other. Those that are not `Html` are escaped."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts))


def prose(text: str) -> Html:
    """Plain text as paragraphs. What stands between backticks becomes code."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return joined(element("p", *_with_code(paragraph)) for paragraph in paragraphs if paragraph)


def phrase(text: str) -> Html:
    """Plain text inside a line, with code between backticks."""
    return joined(_with_code(" ".join(text.split())))


def _with_code(text: str) -> Iterable[str]:
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its other one
        return [text]
    return [element("code", part) if number % 2 else part for number, part in enumerate(parts)]


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Html:
    """A table with a row of headings. Without rows it is nothing."""
    made = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    if not made:
        return Html()
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    # The box scrolls where the table is wider than the page.
    return element(
        "div", element("table", element("thead", head), element("tbody", *made)), class_="wide", tabindex="0"
    )


def code_block(text: str, label: str, **attributes: Any) -> Html:
    """Several lines of code."""
    return element("pre", element("code", text), aria_label=label, tabindex="0", **attributes)
