"""The team's rooms. A package here serves one noun; its routes join the service by one line below."""

from starlette.routing import BaseRoute

from . import links


def routes() -> list[BaseRoute]:
    """Every route of the service."""
    return [
        *links.routes(),
    ]
