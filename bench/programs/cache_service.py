# mypy: disable-error-code="import-not-found"
"""The emitted service with the component `cache`. Its limits are in Redis, or with `BENCH_LIMITS=memory` in memory."""

import os
import sys
from dataclasses import replace

from acme_links.service import LIMITS as DECLARED
from acme_links.service import SERVICE as EMITTED
from firstlight import main, rate_limits
from firstlight.components.cache import rate_limits as in_redis

# As many limits as the service has, none of which a run reaches: a refusal costs less than a response.
LIMITS = [replace(limit, rate="1000000/second", burst=None) for limit in DECLARED]
MODULE = rate_limits if os.environ.get("BENCH_LIMITS") == "memory" else in_redis
SERVICE = replace(
    EMITTED,
    components=[
        MODULE.rate_limits(*LIMITS) if component.name == "rate_limits" else component
        for component in EMITTED.components
    ],
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
