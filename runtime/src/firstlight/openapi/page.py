"""The frame of every page: its head, its style, and the policy that allows nothing else."""

import base64
import hashlib
from pathlib import Path

from .html import Html, element, joined

STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The `Content-Security-Policy` of the pages: no script, no request to anywhere, one style by its hash."""
_NO_ICON = "data:,"  # otherwise browsers ask for /favicon.ico


def page(title: str, *content: Html) -> bytes:
    """A whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href=_NO_ICON),
        Html(f"<style>{STYLE}</style>"),
    )
    document = joined((Html("<!DOCTYPE html>"), element("html", head, element("body", *content), lang="en"), "\n"))
    return document.encode("utf-8", "replace")
