"""The address of an item of a list, for the header `Location`."""

from urllib.parse import quote

from starlette.requests import Request

from ..settings import Settings
from .paging import address


def location(request: Request, name: str) -> str:
    """The address of the item `name` below the path of the request: relative, or absolute with `PUBLIC_URL`."""
    return f"{address(Settings.of(request).public_url, request)}/{quote(name, safe='')}"
