"""A service whose team brings its own authentication: the code of the guide about APIs, and operations behind it."""

from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from firstlight import Component, Identity, JsonResponse, Layer, NoSettings, Operation, Service, caller, nothing
from firstlight.problems import ForbiddenError, NotFoundError, UnauthorizedError
from firstlight.security import security_events

TOKENS = {sha256(f"token of {name}".encode()).hexdigest(): name for name in ("ada", "grace")}


# The guide's code begins here.
def authenticate(app: ASGIApp, operation: Operation | None) -> ASGIApp:
    """Serve an operation with a policy only for callers with a token."""
    if operation is None or operation.policy is None:
        return app

    async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        name = TOKENS.get(sha256(token.encode()).hexdigest())
        if scheme.lower() != "bearer" or name is None:
            security_events.record("access_refused", client_address=caller.address_of(scope))
            raise UnauthorizedError
        caller.authenticate(scope, name)
        await app(scope, receive, send)

    return authenticated


ACCESS = Component(
    name="access",
    settings=NoSettings,
    open=nothing,
    middleware={Layer.AUTHENTICATE: authenticate},
    security_schemes={"token": {"type": "http", "scheme": "bearer"}},
)
# The guide's code ends here.

PARCELS = {"1": "ada", "2": "grace"}  # the owner of each
CLERKS = {"grace"}


async def read(request: Request) -> Response:
    """Read a parcel of one's own. Those of others do not exist for a caller."""
    number = request.path_params["number"]
    if PARCELS.get(number) != caller.authenticated_name(request.scope):
        raise NotFoundError
    return JsonResponse({"number": number})


async def close(request: Request) -> Response:
    """Close the counter, which only clerks may do."""
    if caller.authenticated_name(request.scope) not in CLERKS:
        security_events.record("access_refused", client_address=caller.address_of(request.scope))
        raise ForbiddenError
    return Response(status_code=204)


async def tell(_: Request) -> Response:
    """Tell the hours to everybody."""
    return JsonResponse({"open": True})


SERVICE = Service(
    identity=Identity(name="parcels", version="1", title="Parcels", description="", owner="", defaults={}),
    components=[ACCESS],
    routes=[
        Operation(method="GET", path="/parcels/{number}", handler=read, policy="token", problems=(404,)),
        Operation(method="POST", path="/close", handler=close, policy="token", answers={204: None}),
        Operation(method="GET", path="/hours", handler=tell),
    ],
)
