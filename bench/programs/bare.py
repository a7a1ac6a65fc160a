# mypy: disable-error-code="import-not-found"
"""Bare Starlette: the routes and nothing else. What the others are compared with."""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from .answers import read
from .items import ITEMS, LINK

if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[*ITEMS, Route(LINK, read)]),
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
