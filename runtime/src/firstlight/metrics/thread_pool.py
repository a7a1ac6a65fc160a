"""The use of the thread pool for blocking calls."""

from anyio import CapacityLimiter, to_thread
from prometheus_client import Gauge

from .instruments import REGISTRY

THREADS_ACTIVE = Gauge("thread_pool_active_threads", "Threads that run blocking calls.", registry=REGISTRY)
THREADS_MAX = Gauge("thread_pool_max_threads", "Blocking calls that may run at once.", registry=REGISTRY)
THREADS_QUEUED = Gauge("thread_pool_queued_tasks", "Calls waiting for a thread.", registry=REGISTRY)


def watch_thread_pool() -> None:
    """Read the default thread pool of the running loop at each scrape."""
    pool: CapacityLimiter = to_thread.current_default_thread_limiter()
    THREADS_ACTIVE.set_function(lambda: pool.borrowed_tokens)
    THREADS_MAX.set_function(lambda: pool.total_tokens)
    THREADS_QUEUED.set_function(lambda: pool.statistics().tasks_waiting)
