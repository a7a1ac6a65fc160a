"""Values of the runtime's contract that the generator needs, read from the contract, so that they are written once."""

import tomllib
from decimal import Decimal

from .repository import ROOT

_CONTRACT = tomllib.loads(
    (ROOT / "runtime/src/firstlight/contract/runtime.toml").read_text(encoding="utf-8"), parse_float=Decimal
)

PORT: int = _CONTRACT["service"]["port"]
MANAGEMENT_PORT: int = _CONTRACT["management"]["port"]
FASTEST_BURN_RATE: Decimal = _CONTRACT["alerts"]["fastest_burn_rate"]
LATENCY_BUCKETS_MS = tuple(
    int(seconds * 1000) for seconds in _CONTRACT["metrics"]["http_server_request_duration_seconds"]["buckets"]
)
