"""Short links, to learn from, then to delete: this folder, its tests, its two lines in `api/__init__.py`."""

from starlette.routing import BaseRoute, Route

from .endpoints import Links
from .store import LinkStore


def routes() -> list[BaseRoute]:
    """The routes of short links, on a store of their own."""
    links = Links(LinkStore())
    return [
        Route("/api/v1/links", links.collection, methods=["GET", "POST"]),
        Route("/api/v1/links/{slug}", links.get, methods=["GET"]),
        Route("/r/{slug}", links.redirect, methods=["GET"]),
    ]
