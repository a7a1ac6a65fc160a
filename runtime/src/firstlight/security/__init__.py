"""Security by default: what every service refuses, the headers that every response has, and the events of both.

Public: `StoredUrl` and `FetchedUrl`, types for URLs from clients, with the functions in `targets`; `security_events`,
which counts and logs what a service refuses.
"""

from .events import security_events
from .targets import FetchedUrl, StoredUrl, TargetError

__all__ = ["FetchedUrl", "StoredUrl", "TargetError", "security_events"]
