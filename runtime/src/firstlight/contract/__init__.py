"""The telemetry contract: the names that a service and everything that watches it agree on.

It has parts: one of the runtime, one of each component (both are files of this package), and one of the team, which is
`contract/<slug>.toml` in its service. `Contract.of` puts them together.
"""

from .contract import Contract
from .metric import Metric
from .part import Part, Problem

__all__ = ["Contract", "Metric", "Part", "Problem"]
