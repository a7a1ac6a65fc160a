# mypy: disable-error-code="import-not-found"
"""The data plane and its server around Starlette's router: the routes, and nothing that an application adds.

Errors of the routes are handled as in every service, by `HandledRoutes`.
"""

import sys
from dataclasses import replace

from acme_links.service import SERVICE
from firstlight.app import create_app
from firstlight.problems import EXCEPTION_HANDLERS
from firstlight.requests.data_plane import DataPlane
from firstlight.requests.handled import HandledRoutes
from firstlight.server import loop
from firstlight.server.port import bind
from firstlight.server.server import Server
from firstlight.server.watchdog import Watchdog
from firstlight.settings import Settings, load_for
from starlette.applications import Starlette
from starlette.types import ASGIApp

from .answers import ANSWERS
from .items import ITEMS


def _starlette(app: ASGIApp) -> Starlette:
    """The application behind what the service puts in front of it."""
    while not isinstance(app, Starlette):
        app = app._app  # noqa: SLF001 - the same
    return app


if __name__ == "__main__":
    sys.setswitchinterval(0.001)  # as `firstlight.main` does
    service = replace(SERVICE, components=(), routes=[*ITEMS, *ANSWERS], latency={}, background=())
    settings = load_for(Settings, service.identity, 9464)
    application = create_app(settings, service, served=True)
    data_plane = application._app  # noqa: SLF001 - nobody else takes an application apart
    assert isinstance(data_plane, DataPlane)  # noqa: S101 - it says so when the application is built otherwise
    bare = HandledRoutes(exception_handlers=EXCEPTION_HANDLERS)
    bare.router = _starlette(data_plane.app).router
    data_plane.app = bare
    with bind(settings) as listener:
        loop.run(Server(application, service, Watchdog()).serve(sockets=[listener]))
