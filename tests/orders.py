# mypy: disable-error-code="import-not-found"
"""A generated service that fails on demand, with an objective of its team and a route that calls other services.

`python -P tests/orders.py <package>`, with this repository on PYTHONPATH.
"""

import sys
from dataclasses import replace

from firstlight import Background, Objective, Service, main, slo
from firstlight.components.http_client import HTTP_CLIENT
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demo.faulty import faulty

ORDERS = Objective("orders", 0.99)


async def order(request: Request) -> Response:
    """Call another service and count an order."""
    answer = await HTTP_CLIENT.of(request)[request.path_params["of"]].get("/")
    slo.good(ORDERS.slo)
    return PlainTextResponse(str(answer.status_code))


async def sweep(_: object) -> None:
    """Background work that has nothing to do."""


def with_orders(service: Service) -> Service:
    """The service with the route, the objective, and background work."""
    return replace(
        service,
        routes=(*service.routes, Route("/orders/{of}", order)),
        objectives=(*service.objectives, ORDERS),
        background=(*service.background, Background("sweep", sweep, every_seconds=5)),
    )


if __name__ == "__main__":
    slo.good(ORDERS.slo)
    slo.bad(ORDERS.slo)
    sys.exit(main(with_orders(faulty(sys.argv[1])), ()))
