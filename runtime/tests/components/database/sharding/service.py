"""Two operations, and a mistake."""

from sqlalchemy import bindparam, func, insert, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firstlight import Identity, Operation, Service
from firstlight.components.database import Read

from .shards import SHARDED_DATABASE, SHARDS, slot_of
from .tables import ORDERS

NUMBERS = Read(select(ORDERS.c.number).where(ORDERS.c.customer == bindparam("customer")).order_by(ORDERS.c.number))
LAST = Read(select(func.coalesce(func.max(ORDERS.c.number), 0)).where(ORDERS.c.customer == bindparam("customer")))


async def place(request: Request) -> Response:
    """Place an order, which gets the next number of its customer."""
    customer, shards = request.path_params["customer"], SHARDS.of(request)
    async with shards.transaction(customer) as session:
        [[last]] = await shards.read(customer, LAST, customer=customer)
        order = {"slot": slot_of(customer), "customer": customer, "number": last + 1}
        await session.execute(insert(ORDERS).values(order))
    return JSONResponse(order, 201)


async def orders(request: Request) -> Response:
    """The numbers of a customer's orders."""
    customer = request.path_params["customer"]
    rows = await SHARDS.of(request).read(customer, NUMBERS, customer=customer)
    return JSONResponse([row.number for row in rows])


async def give(request: Request) -> Response:
    """Give the first order to another customer, who may be on another shard: a mistake."""
    customer, other = request.path_params["customer"], request.path_params["other"]
    async with SHARDS.of(request).transaction(customer):
        await SHARDS.of(request).read(other, NUMBERS, customer=other)
    return Response(status_code=204)


SERVICE = Service(
    identity=Identity(
        name="sharded",
        version="1",
        package=__package__ or "",
        defaults={"slo_availability": 0.999, "slo_latency": 0.99, "slo_latency_seconds": 0.25},
    ),
    components=[SHARDED_DATABASE, SHARDS],
    routes=[
        Operation(method="GET", path="/orders/{customer}", handler=orders),
        Operation(method="POST", path="/orders/{customer}", handler=place),
        Operation(method="POST", path="/orders/{customer}/to/{other}", handler=give),
    ],
)
