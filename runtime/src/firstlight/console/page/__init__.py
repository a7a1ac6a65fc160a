"""The page of the console."""

from collections.abc import Mapping
from html import escape
from typing import Any


def document(config: Mapping[str, Any]) -> bytes:
    """The page. `config` has the name, the version and the environment of the service, and nothing secret."""
    title = escape(f"Console of {config['service']}")
    return f"<!DOCTYPE html><html lang=en><title>{title}</title><h1>{title}</h1><p>/console/api/v1/".encode()
