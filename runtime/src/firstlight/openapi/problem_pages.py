"""The pages to which the `type` of a problem leads: one for each type, and a list of all."""

from ..problem_types import PROBLEM_TYPES, ProblemType
from .html import Html, element, phrase, prose, table
from .page import page

LIST = "/problems"


def problem_list(service: str) -> bytes:
    """The page with all types of problems. `service` is the title of the service."""
    rows = (
        [element("code", str(each.status)), element("a", each.title, href=each.uri), phrase(each.meaning)]
        for each in PROBLEM_TYPES.values()
    )
    return _alone(
        f"{service}: problems",
        element("h1", "Problems"),
        prose(
            "An error is answered with a problem document (RFC 9457), `application/problem+json`. Its `type` leads to "
            "the page of one of these types. Its `request_id` and `trace_id` find the request in the logs."
        ),
        table(("Status", "Title", "Meaning"), rows),
        element("p", element("a", "API documentation", href="/docs")),
    )


def problem_page(service: str, kind: ProblemType) -> bytes:
    """The page of one type of problem."""
    return _alone(
        f"{service}: {kind.title}",
        element("p", f"Problem, status {kind.status}", class_="soft"),
        element("h1", kind.title),
        prose(kind.meaning),
        element("h4", "What to do"),
        prose(kind.remedy),
        element("p", element("a", "All problems", href=LIST), " · ", element("a", "API documentation", href="/docs")),
    )


def _alone(title: str, *content: Html) -> bytes:
    return page(title, element("main", *content, class_="alone"))
