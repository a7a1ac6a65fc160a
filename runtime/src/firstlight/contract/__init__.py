"""The telemetry contract: the names that a service and its rules, dashboards, probes and manifests share.

It consists of parts: one of the runtime, one of each component (files of this package), and one of the team
(`contract/<slug>.toml` in the service). `Contract.of` combines them.
"""

from .contract import Contract
from .metric import Metric
from .part import Part, Problem

__all__ = ["Contract", "Metric", "Part", "Problem"]
