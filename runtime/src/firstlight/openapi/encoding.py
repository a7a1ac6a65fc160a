"""The OpenAPI document as text."""

import json
from collections.abc import Mapping
from typing import Any


def encoded(document: Mapping[str, Any]) -> bytes:
    """The document as it is served, without spaces. A value without a JSON type is written as its text."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def indented(document: Mapping[str, Any]) -> str:
    """The document as it is committed, one member or value in each line."""
    return json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n"
