"""Rate limits: how many requests a client, a caller, a route or all together may send.

On the page of the service:

    POLICIES = (
        Limit(name="by_address", rate="6000/minute", burst=1000),
        Limit(name="writes", rate="60/minute", by="caller", methods=("POST", "PUT", "PATCH", "DELETE")),
    )
    components=[rate_limits(*POLICIES), ...]

A request that a limit refuses is answered 429 with `Retry-After`, and counts as a mistake of the client. Probes and
metrics are never limited. If several limits apply, all must let the request pass, and the one with the longest wait
answers. One that is refused uses up nothing at the place of its refusal; a refusal at a route, or by anything behind
the router, has used up the limits before the router.
"""

from .factory import rate_limits
from .limit import Limit
from .memory import MemoryStore
from .store import Claim, Standing, Store

__all__ = ["Claim", "Limit", "MemoryStore", "Standing", "Store", "rate_limits"]
